"""The ground all sides run on: one server, one S3 store, one key."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from psycopg import sql

from bench.part import Setting
from bench.production import Dump, keys
from dmrefresh.keys.private import KeyFiles, Keyring, private_keyring
from fixtures.parts.dumping import put_dump
from fixtures.parts.postgres import Cluster
from fixtures.parts.seaweedfs import REGION, ObjectStore
from fixtures.parts.secrets import Credentials
from fixtures.parts.surroundings import path, variables

ROLE = "marketplace"
"""Owns the databases of all sides, and is no superuser; it may make databases, which the strategy `database` does."""

_UNTOUCHED = {
    # Cleaning up after one side would go on while the other is measured.
    "autovacuum": "off",
}


@dataclass(frozen=True)
class Contents:
    """What a side left in its database: rows of each table, and bytes of tables with their indexes."""

    rows: dict[str, int]
    size: int


@dataclass(frozen=True)
class Ground:
    """What is running, and how to get at it."""

    cluster: Cluster
    store: ObjectStore
    credentials: Credentials
    keyring: Keyring
    folder: Path
    fsync: bool

    def url(self, database: str) -> str:
        """A database as the role that owns it."""
        return self.cluster.url(database, ROLE)

    def server(self) -> str:
        """The server in a sentence."""
        with psycopg.connect(self.cluster.url()) as connection:
            version = connection.info.parameter_status("server_version")
        fsync = "on" if self.fsync else "off"
        return f"PostgreSQL {version} on this machine, fsync {fsync}, autovacuum off, all else as it comes"

    def put(self, dump: Dump) -> str:
        """Store a dump under a name of a stage of its own; returns the object's name."""
        return put_dump(self.store, self.store.bucket, f"mb{dump.megabytes}", datetime.now(UTC), dump.file)

    def make_database(self, name: str) -> None:
        """Create an empty database that ROLE owns."""
        self._administer(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(ROLE)))

    def drop_database(self, name: str) -> None:
        """Drop a database and whoever is connected to it."""
        self._administer(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def settle(self) -> None:
        """Have everything written that is still to be written, so that the next side does not pay for it."""
        self._administer(sql.SQL("CHECKPOINT"))
        os.sync()

    def contents(self, database: str) -> Contents:
        """Count what is in a database."""
        with psycopg.connect(self.url(database)) as connection:
            tables = connection.execute(
                "SELECT relname FROM pg_catalog.pg_class"
                " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname"
            ).fetchall()
            rows = {}
            for (table,) in tables:
                counted = connection.execute(
                    sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier("public", table))
                ).fetchone()
                assert counted is not None
                rows[table] = counted[0]
            size = connection.execute(
                "SELECT sum(pg_catalog.pg_total_relation_size(oid))::bigint FROM pg_catalog.pg_class"
                " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
            ).fetchone()
            assert size is not None
        return Contents(rows, size[0])

    def compressions(self, database: str) -> list[str]:
        """How long values of the fake production's documents are compressed in a database."""
        with psycopg.connect(self.url(database)) as connection:
            found = connection.execute(
                "SELECT DISTINCT pg_column_compression(data) FROM services"
                " WHERE pg_column_compression(data) IS NOT NULL ORDER BY 1"
            ).fetchall()
        return [name for (name,) in found]

    def variables(self) -> dict[str, str]:
        """The refresh's environment: this store's and this key's, nothing of the user's own."""
        return variables(self.store, self.credentials, self.folder)

    def settings(self, database: str, **target: str | int | bool) -> Path:
        """Write the settings of a refresh of that database; returns the file.

        Args:
            database: one of this ground's.
            target: what else stands under `[targets.local]`.
        """
        file = self.folder / "dmrefresh.toml"
        more = "".join(f"{name} = {json.dumps(value)}\n" for name, value in target.items())
        file.write_text(
            f"""\
[dumps]
bucket = "{self.store.bucket}"
endpoint_url = "{self.store.endpoint_url}"
region = "{REGION}"

[keys]
credentials_repo = '{self.credentials.repository.resolve()}'

[targets.local]
url = "{self.url(database)}"
{more}"""
        )
        return file

    def _administer(self, statement: sql.SQL | sql.Composed) -> None:
        with psycopg.connect(self.cluster.url(), autocommit=True) as connection:
            connection.execute(statement)


@contextmanager
def prepared(setting: Setting) -> Iterator[Ground]:
    """Start server and store, and open the key for the plain pipeline; all of it is gone at the end.

    Args:
        setting: the server's version, whether it waits for its disk, and where the keys are kept.

    Raises:
        GnupgMissingError: there is no gpg.
        KeyUnusable: the key cannot be opened.
        RuntimeError: the server or the store did not start.
    """
    credentials = keys(setting.keep)
    files = credentials.public_key.parent
    with ExitStack() as stack:
        stack.enter_context(_environment(PATH=path(), SOPS_AGE_KEY_FILE=str(credentials.age_key_file)))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dmr-bench-")))
        settings = {**_UNTOUCHED, "fsync": "on" if setting.fsync else "off"}
        cluster = stack.enter_context(Cluster(setting.major, settings=settings))
        store = stack.enter_context(ObjectStore())
        key = KeyFiles(files / "secret.key.enc", files / "secret-key-passphrase.txt.enc")
        keyring = stack.enter_context(private_keyring(key))
        ground = Ground(cluster, store, credentials, keyring, folder, setting.fsync)
        with psycopg.connect(cluster.url(), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEDB").format(sql.Identifier(ROLE)))
        yield ground


@contextmanager
def _environment(**variables: str) -> Iterator[None]:
    """Have these in the environment for a while."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
