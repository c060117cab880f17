"""The part `backup`: a backup that was read back, beside the pipeline that makes one by hand."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from statistics import median

from bench import machine
from bench.anonymisers import together
from bench.ground import Ground, prepared
from bench.measure import Program, run
from bench.part import MEGABYTE, Figure, Part, Ratio, Setting, Side
from bench.plain_text import plain_text
from bench.production import Dump, dump
from bench.program import between, dmrefresh
from bench.rounds import Once, Runner, interleaved
from bench.sides import MismatchError, demand, opened
from fixtures.parts.dumping import PG_DUMP_OPTIONS
from fixtures.parts.gnupg import gpg
from fixtures.parts.processes import environment
from fixtures.parts.seaweedfs import REGION

_MEGABYTES = 1000
_ROUNDS = 5
_UPLOADER = Path(__file__).with_name("uploader.py")
_SOURCE = "production"
_END = "PostgreSQL database dump complete"
_LAST_LINES = "20"


def measure(setting: Setting) -> Part:
    """Back one database up in all these ways in turn, and read back what is stored.

    Raises:
        ClientFailedError: a program failed, or what is stored is not whole.
    """
    megabytes, rounds = setting.megabytes or _MEGABYTES, setting.rounds or _ROUNDS
    with prepared(setting) as ground, loaded(ground, dump(setting, megabytes)) as source:
        surroundings = machine.surroundings(ground.server())
        sides = interleaved(_runners(ground, source), rounds, setting.say)
    return Part(
        question="Does a backup that was read back take less time than making one by hand and reading that back?",
        command=setting.command("backup", megabytes=megabytes, rounds=rounds),
        taken=datetime.now(UTC).date().isoformat(),
        machine=surroundings,
        rounds=rounds,
        sides=sides,
        ratios={
            f"{_OURS} : {_PIPE}": Ratio.of(sides[_OURS].seconds, sides[_PIPE].seconds, "<= 0.5"),
            f"{_OURS} : {_QUICK_PIPE}": Ratio.of(sides[_OURS].seconds, sides[_QUICK_PIPE].seconds),
        },
        figures=_figures(sides),
        charts=["seconds"],
    )


_PIPE, _QUICK_PIPE, _OURS = "pipe", "pipe, gzip -1", "backup-production"
_PIPE_IS = (
    "pg_dump | {gzip} | gpg --encrypt | upload, then download | gpg -d | gzip -d, its last lines must hold the end "
    "marker; no row is counted, gpg compresses nothing again, its keyring is ready before, and what uploads and "
    "downloads is left out of CPU time and memory"
)
_OURS_IS = (
    "dmrefresh backup-production: the same with the gzip of ISA-L; every row is counted as pg_dump sends it and again "
    "in what is stored, and both must agree table by table; SOPS, keyrings and the note beside it are in its time"
)


def _runners(ground: Ground, source: Source) -> dict[str, Runner]:
    return {
        _PIPE: Runner(_PIPE_IS.format(gzip="gzip"), ByHand(ground, source, [])),
        _QUICK_PIPE: Runner(_PIPE_IS.format(gzip="gzip -1"), ByHand(ground, source, ["-1"])),
        _OURS: Runner(_OURS_IS, Ours(ground, source)),
    }


def _figures(sides: dict[str, Side]) -> dict[str, Figure]:
    plain = sides[_OURS].bytes[0]
    stored = {f"stored by {name}": Figure(side.more["stored"][0] / MEGABYTE, "MB") for name, side in sides.items()}
    read_back = {
        f"of the {name}, reading back": Figure(median(sides[name].more["reading_back"]), "s")
        for name in (_PIPE, _QUICK_PIPE)
    }
    peak = max(sides[_OURS].peak_bytes) / MEGABYTE
    return {
        "plain text of the dump": Figure(plain / MEGABYTE, "MB"),
        **stored,
        **read_back,
        f"peak memory of {_OURS}": Figure(peak, "MB", "<= 256"),
    }


@dataclass(frozen=True)
class Source:
    """A database that is backed up: its name, the rows of each table, and about the size of its dump (bytes)."""

    database: str
    rows: dict[str, int]
    size: int


@contextmanager
def loaded(ground: Ground, kept: Dump) -> Iterator[Source]:
    """A database with what a kept dump holds, for as long as the block runs."""
    text = plain_text(kept, ground.keyring)
    psql = [str(ground.cluster.bin("psql")), "-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", "-d", ground.url(_SOURCE)]
    ground.make_database(_SOURCE)
    try:
        run([between("psql", psql, environment(), read=text)], folder=ground.folder)
        yield Source(_SOURCE, kept.rows, text.stat().st_size)
    finally:
        ground.drop_database(_SOURCE)


@dataclass(frozen=True)
class ByHand:
    """pg_dump | gzip | gpg | upload; then download | gpg -d | gzip -d, down to the end marker.

    Args:
        ground: what is running.
        source: the database.
        level: gzip's option, or none.
    """

    ground: Ground
    source: Source
    level: list[str]
    _number: Iterator[int] = field(default_factory=count)

    def __call__(self) -> Once:
        """Make a backup, and read it back.

        Raises:
            ClientFailedError: a program failed, or the end marker is not there.
        """
        key = f"by-hand{''.join(self.level)}-{next(self._number)}.sql.gz.gpg"
        self.ground.settle()
        made = run(self._making(key), folder=self.ground.folder)
        back = run(self.reading_back(key), folder=self.ground.folder)
        store = self.ground.store
        stored = store.client(store.jobs).head_object(Bucket=store.bucket, Key=key)["ContentLength"]
        forget(self.ground, key)
        return Once.of(together([made, back]), bytes=self.source.size, stored=stored, reading_back=back.seconds)

    def _making(self, key: str) -> list[Program]:
        ground, keyring = self.ground, self.ground.keyring
        pg_dump = [str(ground.cluster.bin("pg_dump")), *PG_DUMP_OPTIONS, "--dbname", ground.url(self.source.database)]
        encrypt = [
            "--trust-model",
            "always",
            "--compress-algo",
            "none",
            "--recipient",
            keyring.fingerprint,
            "--encrypt",
        ]
        where = {"AWS_ENDPOINT_URL_S3": ground.store.endpoint_url, "AWS_DEFAULT_REGION": REGION}
        upload = [sys.executable, "-I", str(_UPLOADER), ground.store.bucket, key]
        return [
            Program("pg_dump", pg_dump, environment()),
            Program("gzip", ["gzip", *self.level], environment()),
            Program("gpg", [gpg(), *keyring.gpg[1:], *encrypt], keyring.environment),
            Program("uploader", upload, {**ground.variables(), **where}, counted=False),
        ]

    def reading_back(self, key: str) -> list[Program]:
        """The programs that read an object back; the last fails where there is no end marker."""
        return [
            *opened(self.ground, key),
            Program("tail", ["tail", "-n", _LAST_LINES], environment()),
            Program("grep", ["grep", _END], environment()),
        ]


@dataclass(frozen=True)
class Ours:
    """The real command: dmrefresh backup-production.

    Args:
        ground: what is running.
        source: the database.
    """

    ground: Ground
    source: Source
    _number: Iterator[int] = field(default_factory=count)

    def __call__(self) -> Once:
        """Make a backup, and have it read back.

        Raises:
            ClientFailedError: the command failed; what it said is quoted.
            MismatchError: it was not read back to its end, or not all rows are in it.
        """
        report = self.ground.folder / "backup.json"
        report.unlink(missing_ok=True)
        # The name of a backup has its minute: a stage of its own for each lets the next begin at once.
        stage = f"round{next(self._number)}"
        command = [dmrefresh(), "--config", str(self._settings(stage)), "backup-production", "--stage", stage]
        command += ["--report", str(report)]
        self.ground.settle()
        used = run([Program("dmrefresh", command, self.ground.variables(), quiet=False)], folder=self.ground.folder)
        written = json.loads(report.read_text(encoding="utf-8"))
        if written["read_back"] != "full":
            raise MismatchError(f"it was not read back: {written['why_not']}")
        demand(written["rows"], self.source.rows)
        forget(self.ground, written["name"])
        return Once.of(used, bytes=written["bytes"], stages=written["stages"], stored=written["size"])

    def _settings(self, stage: str) -> Path:
        file = self.ground.settings(self.source.database)
        source = f'\n[sources.{stage}]\nurl = "{self.ground.url(self.source.database)}"\n'
        programs = f"\n[programs]\npg_dump = '{self.ground.cluster.bin('pg_dump')}'\n"
        file.write_text(file.read_text(encoding="utf-8") + source + programs, encoding="utf-8")
        return file


def forget(ground: Ground, key: str) -> None:
    """Have the bucket let go of an object and of all its versions, so that it does not grow from round to round."""
    client, bucket = ground.store.client(ground.store.admin), ground.store.bucket
    for version in client.list_object_versions(Bucket=bucket, Prefix=key).get("Versions", []):
        client.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
