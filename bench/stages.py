"""The part `stages`: each step of a refresh and of a backup alone, with all that it reads at hand."""

from __future__ import annotations

import contextlib
import os
import resource
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import psutil

from bench import machine
from bench.backup import Source, forget, loaded
from bench.ground import ROLE, Ground, prepared
from bench.load import KEEP_EVERY_ROW, without_leak_check
from bench.measure import Program, run
from bench.part import Figure, Part, Ratio, Setting, Side
from bench.plain_text import blocks_of
from bench.production import Dump, dump
from bench.rounds import Once, Runner, interleaved
from dmrefresh.bucket.store import Store
from dmrefresh.dump.counting import counted
from dmrefresh.dump.counts import Counts
from dmrefresh.dump.events import Event, TableData
from dmrefresh.dump.reader import read_dump
from dmrefresh.dump.sanitise import sanitise
from dmrefresh.jobs.rulesets.rules import read_ruleset
from dmrefresh.keys.public import Recipient, public_keyring
from dmrefresh.postgres.loading.copying import copy
from dmrefresh.postgres.reach import connect
from dmrefresh.stages.encrypt import encrypt
from dmrefresh.stages.gpg import decrypt
from dmrefresh.stages.gzip import compress, gunzip
from dmrefresh.stages.pg_dump import pg_dump
from dmrefresh.stages.s3 import fetch
from dmrefresh.stages.streamed import streamed
from fixtures.parts.processes import environment
from fixtures.parts.seaweedfs import REGION

_MEGABYTES = 200
_ROUNDS = 5
_GIGABYTE = 1e9
_KEY = bytes(range(32))
_STORED = "alone.sql.gz.gpg"
_PLAIN, _UNLOGGED = "copied", "copied_unlogged"


def measure(setting: Setting) -> Part:
    """Run each step alone, in turn.

    Raises:
        Failure: a step failed.
        ClientFailedError: the database that is dumped could not be made.
    """
    megabytes, rounds = setting.megabytes or _MEGABYTES, setting.rounds or _ROUNDS
    kept = dump(setting, megabytes)
    with prepared(setting) as ground, loaded(ground, kept) as source, _credentials(ground):
        surroundings = machine.surroundings(ground.server())
        public = ground.credentials.public_key.read_bytes()
        with public_keyring(public, ground.credentials.recipient) as recipient, _empty(ground, source):
            sides = interleaved(_runners(ground, source, kept, recipient), rounds, setting.say)
    return Part(
        question="What does each step cost by itself?",
        command=setting.command("stages", megabytes=megabytes, rounds=rounds),
        taken=datetime.now(UTC).date().isoformat(),
        machine=surroundings,
        rounds=rounds,
        sides=sides,
        ratios={
            "CPU time of sanitise : without leak check": Ratio.of(
                sides["sanitise"].cpu_seconds, sides["sanitise, no leak check"].cpu_seconds
            )
        },
        figures=dict(_figures(sides)),
        charts=["cpu_seconds"],
    )


def _figures(sides: dict[str, Side]) -> Iterator[tuple[str, Figure]]:
    """CPU seconds for a GB of SQL: of each step, and of the server where it has a part in it."""
    for name, side in sides.items():
        gigabytes = side.bytes[0] / _GIGABYTE
        yield f"{name}, CPU seconds for a GB", Figure(median(side.cpu_seconds) / gigabytes, "s")
        if "server" in side.more:
            yield f"{name}, the server's", Figure(median(side.more["server"]) / gigabytes, "s")


@dataclass(frozen=True)
class Alone:
    """A step that is run in this process, from input in memory to an output that is dropped.

    Args:
        size: of the plain text that goes through it, in bytes.
        step: is run.
        after: clears away what it left.
        server: of the database server that has a part in it, the folder of its data.
    """

    size: int
    step: Callable[[], None]
    after: Callable[[], None] = lambda: None
    server: Path | None = None

    def __call__(self) -> Once:
        """Run it; CPU seconds are those of this process, and of the programs that it has run."""
        served = _cpu_of_server(self.server)
        used, began = _cpu_of_ours(), time.monotonic()
        self.step()
        seconds, used = time.monotonic() - began, _cpu_of_ours() - used
        more = {"server": _cpu_of_server(self.server) - served} if self.server is not None else {}
        self.after()
        return Once(seconds, used, 0, self.size, more)


def _cpu_of_ours() -> float:
    programs = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + programs.ru_utime + programs.ru_stime


def _cpu_of_server(data: Path | None) -> float:
    """All that a database server has used: by itself, by sessions that are over, by those that are there."""
    if data is None:
        return 0.0
    first = psutil.Process(int((data / "postmaster.pid").read_text(encoding="ascii").split()[0]))
    while True:
        own = first.cpu_times()
        with contextlib.suppress(psutil.NoSuchProcess):
            there = [child.cpu_times() for child in first.children()]
            # A session that ends meanwhile would be missed, or counted twice.
            if own[2:4] == first.cpu_times()[2:4]:
                return float(sum(own[:4]) + sum(times.user + times.system for times in there))


def _runners(ground: Ground, source: Source, kept: Dump, recipient: Recipient) -> dict[str, Runner]:
    """All steps, in the order in which a dump goes through them; each reads what the one before it makes."""
    store = Store(ground.store.bucket, REGION, ground.store.endpoint_url)
    dumped = store.named(ground.put(kept))
    encrypted = list(blocks_of(kept.file))
    packed = list(decrypt(encrypted, ground.keyring))
    text = list(gunzip(packed))
    events = list(read_dump(text))
    ours = list(compress(text))
    sealed = list(encrypt(ours, recipient))
    every, off = (read_ruleset(str(file)) for file in (KEEP_EVERY_ROW, without_leak_check(ground.folder)))
    data, size = ground.cluster.data_directory, source.size

    def alone(what: str, make: Callable[[], Iterable[object]], server: Path | None = None) -> Runner:
        return Runner(what, Alone(size, lambda: _through(make()), server=server))

    def into(database: str) -> Alone:
        return Alone(size, lambda: _copy(ground.url(database), events), ground.settle, data)

    login = {"host": "127.0.0.1", "port": str(ground.cluster.port), "user": ROLE, "dbname": source.database}
    return {
        "fetch": alone("the object from S3, in one connection, with its SHA-256", lambda: fetch(store, dumped)),
        "decrypt": alone("gpg -d, and what it says of every byte", lambda: decrypt(encrypted, ground.keyring)),
        "gunzip": alone("ISA-L's, with the checksum", lambda: gunzip(packed)),
        "read": alone("text into statements and blocks of rows, each understood", lambda: read_dump(text)),
        "sanitise": alone(
            "every rule of the ruleset that keeps every row, leak check and detectors on",
            lambda: sanitise(events, every, _KEY),
        ),
        "sanitise, no leak check": alone("the same without these", lambda: sanitise(events, off, _KEY)),
        "COPY": Runner("one session, FREEZE, tables without keys and indexes, the rows as they were", into(_PLAIN)),
        "COPY, unlogged": Runner("the same into UNLOGGED tables", into(_UNLOGGED)),
        "pg_dump": alone("pg_dump, to a pipe", lambda: pg_dump(ground.cluster.bin("pg_dump"), login), data),
        "count": alone("the same text read and passed on, its rows counted", lambda: counted(iter(text), Counts())),
        "compress": alone("ISA-L's gzip at level 2, one thread", lambda: compress(text)),
        "compress, two threads": alone("the same in two threads", lambda: compress(text, threads=2)),
        "encrypt": alone("gpg --encrypt", lambda: encrypt(ours, recipient)),
        "upload": Runner(
            "in parts, two at a time, with their checksums, into one object",
            Alone(size, lambda: _upload(store, sealed), lambda: forget(ground, _STORED)),
        ),
    }


def _through(items: Iterable[object]) -> None:
    for _ in items:
        pass


def _upload(store: Store, blocks: Iterable[bytes]) -> None:
    with streamed(store, _STORED, blocks, {}) as sent:
        sent.complete()


def _copy(url: str, events: Iterable[Event]) -> None:
    """Load all rows in one transaction, over those of the round before."""
    with connect.session(url) as connection, connection.transaction():
        rows: dict[str, list[TableData]] = {}
        for event in events:
            if isinstance(event, TableData):
                rows.setdefault(f'"{event.table.schema}"."{event.table.name}"', []).append(event)
        connection.execute(f"TRUNCATE {', '.join(rows)}".encode())
        for blocks in rows.values():
            copy(connection, blocks[0], blocks, "UTF8", frozen=True)


@contextmanager
def _empty(ground: Ground, source: Source) -> Iterator[None]:
    """Two databases with the source's tables, of which one does not log them; gone at the end."""
    pg_dump = [str(ground.cluster.bin("pg_dump")), "--section=pre-data", "--no-owner", ground.url(source.database)]
    psql = [str(ground.cluster.bin("psql")), "-X", "-q", "-1", "-v", "ON_ERROR_STOP=1"]
    try:
        for database in (_PLAIN, _UNLOGGED):
            ground.make_database(database)
            into = Program("psql", [*psql, "-d", ground.url(database)], environment())
            run([Program("pg_dump", pg_dump, environment()), into], folder=ground.folder)
        with connect.session(ground.url(_UNLOGGED)) as connection:
            for table in source.rows:
                connection.execute(f'ALTER TABLE public."{table}" SET UNLOGGED'.encode())
        yield
    finally:
        for database in (_PLAIN, _UNLOGGED):
            ground.drop_database(database)


@contextmanager
def _credentials(ground: Ground) -> Iterator[None]:
    """The store's credentials where boto3 looks for them, for as long as the block runs."""
    before = dict(os.environ)
    os.environ.update(ground.variables())
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
