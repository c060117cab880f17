"""How each trouble comes about: in the way to S3, on the database's server, to the run itself, on its disk."""

from __future__ import annotations

import contextlib
import functools
import os
import subprocess
import threading
from collections.abc import Iterator

import psutil
import psycopg

from tests.children import named
from tests.proxy import Proxy
from tests.soak.scope import Come, Scope

_BODY = 8192
"""Bytes of a block that can be nothing but an object's: lists, heads and errors are shorter."""
_SLOW_DOWN = (
    b"HTTP/1.1 503 Slow Down\r\nContent-Type: application/xml\r\nContent-Length: 71\r\nConnection: close\r\n\r\n"
    b"<Error><Code>SlowDown</Code><Message>Please slow down</Message></Error>\n"
)


@contextlib.contextmanager
def nothing(scope: Scope) -> Iterator[None]:
    yield


def _to_store(scope: Scope) -> Proxy:
    return scope.world.to_store


@contextlib.contextmanager
def store_cuts(scope: Scope) -> Iterator[None]:
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
def store_flips(scope: Scope) -> Iterator[None]:
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
def store_is_busy(scope: Scope) -> Iterator[None]:
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
def store_stalls(scope: Scope) -> Iterator[None]:
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
def database_cuts(scope: Scope) -> Iterator[None]:
    """All connections to the database end."""
    proxy = scope.world.to_target if scope.job == "refresh" else scope.world.to_source
    with scope.at_some_moment(proxy.cut, scope.dice.randint(1, 3)):
        yield


@contextlib.contextmanager
def sessions_end(scope: Scope) -> Iterator[None]:
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
def server_restarts(scope: Scope) -> Iterator[None]:
    """The server is stopped in one way or another, and started again."""
    world = scope.world
    cluster = world.target if scope.job == "refresh" else world.source
    mode = scope.dice.choice(["fast", "immediate", "kill"])
    with scope.at_some_moment(lambda: world.restart(cluster, mode)):
        yield


def signalled(*numbers: int) -> Come:
    @contextlib.contextmanager
    def come(scope: Scope) -> Iterator[None]:
        def send() -> None:
            for number in numbers:
                scope.run().signal(number)
                scope.over.wait(0.05)

        with scope.at_some_moment(send):
            yield

    return come


def killed(*programs: str) -> Come:
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
def disk_is_full(scope: Scope) -> Iterator[None]:
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
def deadline_passes(scope: Scope) -> Iterator[None]:
    """The run may not take as long as it does."""
    scope.variables["DMREFRESH_JOB_DEADLINE"] = f"{max(1, round(scope.dice.uniform(0.05, 0.9) * scope.usual))} seconds"
    yield
