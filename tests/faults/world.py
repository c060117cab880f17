"""The real servers that the rows of the table make their dumps with."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import psycopg

from fixtures.parts.dumping import dump_sql
from fixtures.parts.postgres import Cluster
from fixtures.parts.processes import environment
from tests.postgres.databases import Database

MakeDatabase = Callable[[int], Database]


class World:
    """Makes dumps of databases, each of them once.

    Args:
        make: makes an empty database on a server of a major version.

    Attributes:
        witness: a file that is not there. Whoever runs what a dump says makes it.
    """

    def __init__(self, make: MakeDatabase, witness: Path) -> None:
        self.witness = witness
        self._make = make
        self._sources: dict[tuple[int, str], Database] = {}
        self._dumps: dict[tuple[int, str, tuple[str, ...]], bytes] = {}

    def dump(self, statements: str, *options: str, major: int = 16) -> bytes:
        """What pg_dump writes about a database that a superuser made with these statements."""
        key = (major, statements, options)
        if key not in self._dumps:
            source = self._source(statements, major)
            with tempfile.TemporaryFile() as file:
                dump_sql(source.cluster, source.name, file, options=options)
                file.seek(0)
                self._dumps[key] = file.read()
        return self._dumps[key]

    def archive(self, statements: str, form: str, file: str = "") -> bytes:
        """A file of what pg_dump writes in another format; which one, if it writes a directory of them."""
        source = self._source(statements, 16)
        with tempfile.TemporaryDirectory() as folder:
            made = Path(folder) / "dump"
            argv = [str(source.cluster.bin("pg_dump")), f"--format={form}", f"--file={made}", source.superuser_url]
            subprocess.run(argv, check=True, env=environment())
            return next(made.glob(file)).read_bytes() if file else made.read_bytes()

    def whole_server(self, major: int = 16) -> bytes:
        """How a dump of a whole server begins."""
        cluster = self._source("SELECT 1", major).cluster
        argv = [str(cluster.bin("pg_dumpall")), f"--dbname={cluster.url()}"]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment()) as child:
            assert child.stdout is not None
            beginning = child.stdout.read(2000)
            child.kill()
        return beginning

    def interrupted(self, statements: str) -> bytes:
        """What pg_dump has written when the server ends its session in the middle of the rows."""
        source = self._source(statements, 16)
        argv = [str(source.cluster.bin("pg_dump")), source.superuser_url]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()) as child:
            assert child.stdout is not None
            written = _up_to_rows(child.stdout.fileno())
            _end_session(source.cluster, source.name, "pg_dump")
            rest, _ = child.communicate()
        assert child.returncode == 1
        return written + rest

    def _source(self, statements: str, major: int) -> Database:
        source = self._sources.get((major, statements))
        if source is None:
            source = self._sources[major, statements] = self._make(major)
            source.run(*statements.split(";\n"), superuser=True)
        return source


def _up_to_rows(pipe: int) -> bytes:
    written = b""
    while b"\nCOPY " not in written:
        with open(pipe, "rb", buffering=0, closefd=False) as stream:
            block = stream.read(65536)
        assert block
        written += block
    return written


def _end_session(cluster: Cluster, database: str, application: str) -> None:
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        ended = connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s AND application_name = %s",
            (database, application),
        ).fetchall()
    assert ended == [(True,)]
