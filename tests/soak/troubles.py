"""What goes wrong: each trouble with how it comes about, and the exit codes that a run may end with because of it."""

from __future__ import annotations

import contextlib
import functools
import os
import random
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import psutil
import psycopg

from tests.children import named
from tests.proxy import Proxy
from tests.soak.command import Running
from tests.soak.world import World

Job: TypeAlias = Literal["refresh", "backup"]

_TWO_AT_ONCE = 0.2
"""The share of rounds in which a second trouble comes beside the first, where it may."""
_BODY = 8192
"""Bytes of a block that can be nothing but an object's: lists, heads and errors are shorter."""
_SLOW_DOWN = (
    b"HTTP/1.1 503 Slow Down\r\nContent-Type: application/xml\r\nContent-Length: 71\r\nConnection: close\r\n\r\n"
    b"<Error><Code>SlowDown</Code><Message>Please slow down</Message></Error>\n"
)


@dataclass
class Scope:
    """What a trouble may do its harm to.

    Attributes:
        world: all that runs.
        job: what is done in this round.
        dice: of this round alone.
        usual: how many seconds such a run takes without trouble.
        running: the run, once it is started; the first of two.
        over: the run has ended.
        words: what the command line begins with.
        variables: what is different in its environment.
        deeds: how often harm was done to it.
    """

    world: World
    job: Job
    dice: random.Random
    usual: float
    running: Running | None = None
    started: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)
    words: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    deeds: int = 0

    def run(self) -> Running:
        """The run, for which is waited if it is not started yet."""
        self.started.wait()
        assert self.running is not None
        return self.running

    @contextlib.contextmanager
    def meanwhile(self, deed: Callable[[], object]) -> Iterator[None]:
        """Do something in a thread of its own while the run goes on."""
        thread = threading.Thread(target=deed, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self.over.set()
            self.started.set()
            thread.join()

    def at_some_moment(self, deed: Callable[[], object], times: int = 1) -> contextlib.AbstractContextManager[None]:
        """Do something at moments of the run, unless it has ended before."""
        moments = sorted(self.dice.uniform(0, 1.1 * self.usual) for _ in range(times))

        def wait_and_do() -> None:
            self.started.wait()
            passed = 0.0
            for moment in moments:
                if self.over.wait(moment - passed):
                    return
                deed()
                self.deeds += 1
                passed = moment

        return self.meanwhile(wait_and_do)


Come: TypeAlias = Callable[[Scope], contextlib.AbstractContextManager[None]]


@dataclass(frozen=True)
class Trouble:
    """Something that goes wrong.

    Attributes:
        name: a short one.
        come: brings it about for the length of the block, in which the run is started and waited for.
        codes: the exit codes that a run may have, for each job that it can come to.
        at: what it comes to; two may come at once to different ones, unless they are alone.
        stops: whether a server is stopped, so that everybody's connections are ended.
        weight: how often it comes, beside others.
    """

    name: str
    come: Come
    codes: dict[Job, set[int]]
    at: Literal["store", "database", "run", "alone"] = "alone"
    stops: bool = False
    weight: float = 1.0


@contextlib.contextmanager
def _nothing(scope: Scope) -> Iterator[None]:
    yield


def _to_store(scope: Scope) -> Proxy:
    return scope.world.to_store


@contextlib.contextmanager
def _store_cuts(scope: Scope) -> Iterator[None]:
    """Connections end after some bytes of what is said, or asked."""
    lengths = [int(10 ** scope.dice.uniform(0, 5.5)) for _ in range(scope.dice.randint(1, 5))]
    proxy, lock = _to_store(scope), threading.Lock()

    def cut(number: int, offset: int, block: bytes) -> bytes | None:
        with lock:
            if not lengths or offset + len(block) < lengths[-1]:
                return block
            lengths.pop()
            scope.deeds += 1
        return None

    if scope.dice.random() < 0.5:
        proxy.answer = cut
    else:
        proxy.question = cut
    yield


@contextlib.contextmanager
def _store_flips(scope: Scope) -> Iterator[None]:
    """A bit of an object is changed on its way."""
    places = [scope.dice.random() for _ in range(scope.dice.randint(1, 3))]
    bits = [1 << scope.dice.randrange(8) for _ in places]
    proxy, lock = _to_store(scope), threading.Lock()

    def flip(number: int, offset: int, block: bytes) -> bytes:
        with lock:
            if not places or len(block) < _BODY:
                return block
            scope.deeds += 1
            place, bit = 2048 + int(places.pop() * (len(block) - 2048)), bits.pop()
        return block[:place] + bytes([block[place] ^ bit]) + block[place + 1 :]

    if scope.job == "refresh" or scope.dice.random() < 0.5:
        proxy.answer = flip
    else:
        proxy.question = flip
    yield


@contextlib.contextmanager
def _store_is_busy(scope: Scope) -> Iterator[None]:
    """S3 asks to slow down."""
    proxy, lock, left = _to_store(scope), threading.Lock(), [scope.dice.choice([1, 2, 4, 8, 1000])]
    first = scope.dice.randrange(6)

    def refuse(number: int, offset: int, block: bytes) -> bytes | None:
        if number < begun + first:
            return block
        with lock:
            if offset:
                return block if number not in refused else None
            if not left[0]:
                return block
            left[0] -= 1
            scope.deeds += 1
            refused.add(number)
        return _SLOW_DOWN

    begun, refused = proxy.connections, set[int]()
    proxy.answer = refuse
    yield


@contextlib.contextmanager
def _store_stalls(scope: Scope) -> Iterator[None]:
    """A connection says nothing any more."""
    proxy, lock, left = _to_store(scope), threading.Lock(), [int(10 ** scope.dice.uniform(0, 5.3))]

    def stall(number: int, offset: int, block: bytes) -> bytes | None:
        with lock:
            if not left or offset + len(block) < left[0]:
                return block
            left.clear()
            scope.deeds += 1
        scope.over.wait()
        return None

    proxy.answer = stall
    try:
        yield
    finally:
        scope.over.set()


@contextlib.contextmanager
def _database_cuts(scope: Scope) -> Iterator[None]:
    """All connections to the database end."""
    proxy = scope.world.to_target if scope.job == "refresh" else scope.world.to_source
    with scope.at_some_moment(proxy.cut, scope.dice.randint(1, 3)):
        yield


@contextlib.contextmanager
def _sessions_end(scope: Scope) -> Iterator[None]:
    """An administrator ends what dmrefresh, or its pg_dump, has on the server."""
    cluster = scope.world.target if scope.job == "refresh" else scope.world.source

    def end() -> None:
        with psycopg.connect(cluster.url(), autocommit=True) as administrator:
            administrator.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE backend_type = 'client backend' "
                "AND usename NOT IN ('postgres', 'application') AND application_name <> 'the soak'"
            )

    with scope.at_some_moment(end, scope.dice.randint(1, 2)):
        yield


@contextlib.contextmanager
def _server_restarts(scope: Scope) -> Iterator[None]:
    """The server is stopped in one way or another, and started again."""
    world = scope.world
    cluster = world.target if scope.job == "refresh" else world.source
    mode = scope.dice.choice(["fast", "immediate", "kill"])
    with scope.at_some_moment(lambda: world.restart(cluster, mode)):
        yield


def _signalled(*numbers: int) -> Come:
    @contextlib.contextmanager
    def come(scope: Scope) -> Iterator[None]:
        def send() -> None:
            for number in numbers:
                scope.run().signal(number)
                scope.over.wait(0.05)

        with scope.at_some_moment(send):
            yield

    return come


def _killed(*programs: str) -> Come:
    """Kill one of the command's programs, a while after it is seen."""

    @contextlib.contextmanager
    def come(scope: Scope) -> Iterator[None]:
        program, after, passed_over = scope.dice.choice(programs), scope.dice.uniform(0, 0.3), scope.dice.randrange(4)

        def kill() -> None:
            run, seen = scope.run(), set[int]()
            while not scope.over.wait(0.005):
                for one in named(program, pid=run.pid):
                    seen.add(one.pid)
                    if len(seen) > passed_over:
                        scope.over.wait(after)
                        with contextlib.suppress(psutil.NoSuchProcess):
                            one.kill()
                            scope.deeds += 1
                        return

        with scope.meanwhile(kill):
            yield

    return come


@contextlib.contextmanager
def _disk_is_full(scope: Scope) -> Iterator[None]:
    """TMPDIR is a small file system, which only the run sees."""
    size = scope.dice.choice([4, 64, 128, 1024])
    script = 'mount -t tmpfs -o "size=$1k,mode=0700" none "$TMPDIR" && shift && exec "$@"'
    scope.words[:] = [*(namespace() or []), "sh", "-c", script, "sh", str(size)]
    yield


@functools.cache
def namespace() -> list[str] | None:
    """How to start a program that may mount a file system for itself; None where this account may not."""
    ours = [] if os.geteuid() == 0 else ["--user", "--map-current-user", "--keep-caps"]
    words = ["unshare", *ours, "--mount"]
    with contextlib.suppress(OSError):
        if subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0:
            return words
    return None


@contextlib.contextmanager
def _deadline_passes(scope: Scope) -> Iterator[None]:
    """The run may not take as long as it does."""
    scope.variables["DMREFRESH_JOB_DEADLINE"] = f"{max(1, round(scope.dice.uniform(0.05, 0.9) * scope.usual))} seconds"
    yield


def _ended_by(number: int) -> dict[Job, set[int]]:
    # Minus the number: it came before Python had begun with the command, which is looked at.
    return {"refresh": {0, 30, 128 + number, -number}, "backup": {0, 30, 31, 128 + number, -number}}


_FROM_STORE: dict[Job, set[int]] = {"refresh": {0, 20}, "backup": {0, 20, 23, 24, 30, 31}}
_CHANGED: dict[Job, set[int]] = {"refresh": {0, 13, 20}, "backup": {0, 13, 20, 24, 31}}
_DATABASE: dict[Job, set[int]] = {"refresh": {0, 21, 23, 30}, "backup": {0, 21, 24}}
_KILLED: dict[Job, set[int]] = {"refresh": {0, -signal.SIGKILL}, "backup": {0, -signal.SIGKILL}}
_LATE: dict[Job, set[int]] = {"refresh": {0, 26, 30}, "backup": {0, 24, 26, 30, 31}}

NOTHING = Trouble("nothing", _nothing, {"refresh": {0}, "backup": {0}}, weight=3)
DAMAGED = Trouble("the dump is damaged", _nothing, {"refresh": {13}})
FALLS_BACK = Trouble("the newest dump is damaged", _nothing, {"refresh": {0}})
TWICE = Trouble("a second run at once", _nothing, {"refresh": {0, 11}, "backup": {0, 11}})

TROUBLES = (
    NOTHING,
    Trouble("S3 cuts connections", _store_cuts, _FROM_STORE, "store", weight=2),
    Trouble("S3 changes a bit", _store_flips, _CHANGED, "store", weight=2),
    Trouble("S3 asks to slow down", _store_is_busy, _FROM_STORE, "store"),
    Trouble("S3 stands still", _store_stalls, _FROM_STORE, "store", weight=0.3),
    Trouble("connections to the database are cut", _database_cuts, _DATABASE, "database", weight=2),
    Trouble("an administrator ends the sessions", _sessions_end, _DATABASE, "database"),
    Trouble("the server restarts", _server_restarts, _DATABASE, "database", stops=True),
    Trouble("SIGTERM", _signalled(signal.SIGTERM), _ended_by(signal.SIGTERM), "run"),
    Trouble("SIGINT", _signalled(signal.SIGINT), _ended_by(signal.SIGINT), "run", weight=0.5),
    Trouble("SIGINT twice", _signalled(signal.SIGINT, signal.SIGINT), _ended_by(signal.SIGINT), "run", weight=0.5),
    Trouble("SIGHUP", _signalled(signal.SIGHUP), _ended_by(signal.SIGHUP), "run", weight=0.5),
    Trouble("SIGKILL", _signalled(signal.SIGKILL), _KILLED, "run", weight=2),
    Trouble("gpg is killed", _killed("gpg"), {"refresh": {0, 25}, "backup": {0, 24, 25, 31}}, "run"),
    Trouble("sops is killed", _killed("sops"), {"refresh": {0, 25}, "backup": {0, 25, 31}}, "run", weight=0.5),
    Trouble("pg_dump is killed", _killed("pg_dump"), {"backup": {0, 24}}, "run", weight=0.5),
    Trouble("TMPDIR is full", _disk_is_full, {"refresh": {0, 2}, "backup": {0, 2, 31}}, "run"),
    Trouble("the deadline passes", _deadline_passes, _LATE, "run"),
    DAMAGED,
    FALLS_BACK,
    TWICE,
)


def chosen(dice: random.Random, job: Job, *, inside: bool = False) -> list[Trouble]:
    """What comes in a round: mostly one trouble, now and then two at once.

    Args:
        dice: of the round.
        job: what is done in it.
        inside: it is done by a process that has other work to do later, and must not be ended.
    """
    possible = [one for one in TROUBLES if job in one.codes and (one.come is not _disk_is_full or namespace())]
    if inside:
        possible = [one for one in possible if one.at in ("store", "database") or one in (NOTHING, DAMAGED)]
    first = dice.choices(possible, [one.weight for one in possible])[0]
    beside = [one for one in possible if "alone" not in (one.at, first.at) and one.at != first.at]
    if beside and dice.random() < _TWO_AT_ONCE:
        return [first, dice.choices(beside, [one.weight for one in beside])[0]]
    return [first]
