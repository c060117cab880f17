"""The sides that load a dump, each run once: what it took, and that it left what it should."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from bench.ground import Ground
from bench.measure import ClientFailedError, Program, run
from bench.production import Dump
from bench.program import dmrefresh
from bench.rounds import Once
from fixtures.parts.gnupg import gpg
from fixtures.parts.processes import environment

_DOWNLOADER = Path(__file__).with_name("downloader.py")
_PASSPHRASE = "passphrase"  # noqa: S105 - a file's name
_HOUR = 3600


class MismatchError(ClientFailedError):
    """A side does not hold the rows that it should; the text names the tables."""


@dataclass(frozen=True)
class Plain:
    """The plain pipeline: download | gpg -d | gzip -d | psql, into a new database, then ANALYZE.

    Args:
        ground: what is running.
        key: the object's name.
        dump: what the object is.
        database: a name that is free.
        options: of the server, for psql's session.
        compression: that long values must have afterwards; not looked at where None.
    """

    ground: Ground
    key: str
    dump: Dump
    database: str = "plain"
    options: Mapping[str, str] = field(default_factory=dict)
    compression: str | None = None

    def __call__(self) -> Once:
        """Load the dump into a new database, which is dropped after it was looked at.

        Returns:
            What the pipeline took without ANALYZE; how long that took is `analyse_seconds`.

        Raises:
            ClientFailedError: one of the programs failed.
            MismatchError: not all rows are there.
        """
        programs = self._programs()
        self.ground.make_database(self.database)
        try:
            self.ground.settle()
            usage = run(programs, folder=self.ground.folder)
            began = time.monotonic()
            with psycopg.connect(self.ground.url(self.database), autocommit=True) as connection:
                connection.execute("ANALYZE")
            analyse_seconds = time.monotonic() - began
            left = self.ground.contents(self.database)
            _demand_compression(self.ground, self.database, self.compression)
        finally:
            self.ground.drop_database(self.database)
        demand(left.rows, self.dump.rows)
        return Once.of(usage, analyse_seconds=analyse_seconds, on_server=left.size)

    def _programs(self) -> list[Program]:
        psql = [str(self.ground.cluster.bin("psql")), "-X", "-q", "-v", "ON_ERROR_STOP=1"]
        psql += ["-d", self.ground.url(self.database)]
        options = " ".join(f"-c {name}={value}" for name, value in self.options.items())
        variables = {**environment(), **({"PGOPTIONS": options} if options else {})}
        return [*opened(self.ground, self.key), Program("psql", psql, variables)]


def opened(ground: Ground, key: str) -> list[Program]:
    """download | gpg -d | gzip -d of an object, by hand; the keyring is ready.

    Args:
        ground: what is running.
        key: the object's name.
    """
    url = ground.store.client(ground.store.jobs).generate_presigned_url(
        "get_object", Params={"Bucket": ground.store.bucket, "Key": key}, ExpiresIn=_HOUR
    )
    passphrase = ground.keyring.home / _PASSPHRASE
    passphrase.write_bytes(ground.keyring.passphrase)
    decrypt = [gpg(), *ground.keyring.gpg[1:], "--pinentry-mode", "loopback", "--passphrase-file", str(passphrase)]
    return [
        Program("downloader", [sys.executable, "-I", "-S", str(_DOWNLOADER), url], environment(), counted=False),
        Program("gpg", [*decrypt, "--decrypt"], ground.keyring.environment),
        Program("gzip", ["gzip", "-d"], environment()),
    ]


@dataclass(frozen=True)
class Refresh:
    """The real command: dmrefresh clean-and-apply, over what the round before has left.

    Args:
        ground: what is running.
        key: the object's name.
        dump: what the object is.
        database: one of ground's, empty or as an earlier refresh left it.
        ruleset: a file, or the name of one that ships.
        keeps_every_row: whether the ruleset does, so that each table must have as many rows as production.
        target: what else stands in the settings of the target.
        compression: that long values must have afterwards; not looked at where None.
    """

    ground: Ground
    key: str
    dump: Dump
    database: str
    ruleset: str
    keeps_every_row: bool = True
    target: Mapping[str, str | int | bool] = field(default_factory=dict)
    compression: str | None = None

    def __call__(self) -> Once:
        """Refresh the database from the dump.

        Raises:
            ClientFailedError: the command failed; what it said is quoted.
            MismatchError: the database does not hold what it should.
        """
        report = self.ground.folder / "report.json"
        report.unlink(missing_ok=True)
        settings = self.ground.settings(self.database, **self.target)
        command = [
            *(dmrefresh(), "--config", str(settings)),
            *("clean-and-apply", "--target", "local", "--dump", self.key),
            *("--ruleset", self.ruleset, "--report", str(report)),
        ]
        self.ground.settle()
        usage = run([Program("dmrefresh", command, self.ground.variables(), quiet=False)], folder=self.ground.folder)
        written = json.loads(report.read_text(encoding="utf-8"))
        left = self.ground.contents(self.database)
        demand({table["name"]: table["rows_in"] for table in written["tables"]}, self.dump.rows)
        if self.keeps_every_row:
            demand(left.rows, self.dump.rows)
        _demand_compression(self.ground, self.database, self.compression)
        return Once.of(
            usage,
            bytes=written["bytes"],
            stages=written["stages"],
            rows=sum(table["rows_out"] for table in written["tables"]),
            rows_left=sum(left.rows.values()),
            on_server=left.size,
        )


def demand(left: Mapping[str, int], rows: Mapping[str, int]) -> None:
    """Compare each table's rows with those that there must be.

    Raises:
        MismatchError: a table is missing, or has other rows, or should not be there.
    """
    wrong = [table for table in sorted({*rows, *left}) if rows.get(table) != left.get(table)]
    if wrong:
        said = ", ".join(f"{table} ({left.get(table)} instead of {rows.get(table)})" for table in wrong)
        raise MismatchError(f"not the rows of the dump: {said}")


def _demand_compression(ground: Ground, database: str, wanted: str | None) -> None:
    found = ground.compressions(database) if wanted is not None else []
    if wanted is not None and found != [wanted]:
        raise MismatchError(f"long values are compressed with {' and '.join(found) or 'nothing'} instead of {wanted}")
