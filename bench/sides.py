"""The two sides, each run once: what it took, and what it left."""

from __future__ import annotations

import json
import sys
import sysconfig
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg

from bench.ground import Contents, Ground
from bench.measure import Program, Usage, run
from fixtures.parts.gnupg import gpg
from fixtures.parts.processes import environment

RULESET = Path(__file__).with_name("keep_every_row.yaml")

_DOWNLOADER = Path(__file__).with_name("downloader.py")
_PASSPHRASE = "passphrase"  # noqa: S105 - a file's name
_HOUR = 3600


@dataclass(frozen=True)
class Plain:
    """A run of the plain pipeline; `analyse_seconds` is what ANALYZE took after it."""

    usage: Usage
    analyse_seconds: float
    left: Contents

    @property
    def analysed_seconds(self) -> float:
        """Both together."""
        return self.usage.seconds + self.analyse_seconds


@dataclass(frozen=True)
class Refreshed:
    """A run of the refresh; `stages` are busy seconds by stage, `plain_bytes` the size of the dump's text."""

    usage: Usage
    stages: Mapping[str, float]
    plain_bytes: int
    left: Contents


def plain(ground: Ground, key: str, database: str) -> Plain:
    """Load a dump with gpg, gzip and psql into a new database, which is dropped after it was looked at.

    Args:
        ground: what is running.
        key: the object's name.
        database: a name that is free.

    Raises:
        ClientFailedError: one of the programs failed.
    """
    programs = _pipeline(ground, key, database)
    ground.make_database(database)
    try:
        ground.settle()
        usage = run(programs, folder=ground.folder)
        began = time.monotonic()
        with psycopg.connect(ground.url(database), autocommit=True) as connection:
            connection.execute("ANALYZE")
        analyse_seconds = time.monotonic() - began
        return Plain(usage, analyse_seconds, ground.contents(database))
    finally:
        ground.drop_database(database)


def refresh(ground: Ground, key: str, database: str) -> Refreshed:
    """Refresh a database from a dump with the real command.

    Args:
        ground: what is running.
        key: the object's name.
        database: one of ground's, empty or as an earlier refresh left it.

    Raises:
        ClientFailedError: the command failed; what it said is quoted.
    """
    report = ground.folder / "report.json"
    report.unlink(missing_ok=True)
    command = [
        *(str(Path(sysconfig.get_path("scripts")) / "dmrefresh"), "--config", str(ground.settings(database))),
        *("clean-and-apply", "--target", "local", "--dump", key, "--ruleset", str(RULESET), "--report", str(report)),
    ]
    ground.settle()
    usage = run([Program("dmrefresh", command, ground.variables(), quiet=False)], folder=ground.folder)
    written = json.loads(report.read_text(encoding="utf-8"))
    return Refreshed(usage, written["stages"], written["bytes"], ground.contents(database))


def _pipeline(ground: Ground, key: str, database: str) -> list[Program]:
    url = ground.store.client(ground.store.jobs).generate_presigned_url(
        "get_object", Params={"Bucket": ground.store.bucket, "Key": key}, ExpiresIn=_HOUR
    )
    passphrase = ground.keyring.home / _PASSPHRASE
    passphrase.write_bytes(ground.keyring.passphrase)
    decrypt = [gpg(), *ground.keyring.gpg[1:], "--pinentry-mode", "loopback", "--passphrase-file", str(passphrase)]
    psql = [str(ground.cluster.bin("psql")), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", ground.url(database)]
    return [
        Program("downloader", [sys.executable, "-I", "-S", str(_DOWNLOADER), url], environment(), counted=False),
        Program("gpg", [*decrypt, "--decrypt"], ground.keyring.environment),
        Program("gzip", ["gzip", "-d"], environment()),
        Program("psql", psql, environment()),
    ]
