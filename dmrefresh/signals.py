"""Signals end a run in order: they become an exception, so that every `finally` on the way out runs.

So does the deadline of a run, which is a signal that it sends itself.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import FrameType

from dmrefresh.durations import spoken
from dmrefresh.errors import CommitInDoubt, DeadlinePassed, PublishedButUnfinished

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_AGAIN = 1.0
"""Seconds after which a deadline that came while signals were held comes again."""


class Interrupted(KeyboardInterrupt):
    """A signal asked the run to end; no `except Exception` can swallow it.

    As a KeyboardInterrupt, it makes psycopg cancel the statement that is running.

    Args:
        number: the signal's number; the exit code is 128 more.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


class _State:
    held = False
    missed: int | None = None


def install() -> None:
    """Let SIGINT, SIGTERM and SIGHUP raise `Interrupted` in the main thread."""
    _State.held = False
    for number in _ENDING:
        signal.signal(number, _handle)


def _handle(number: int, frame: FrameType | None) -> None:
    if _State.held:
        if number in _ENDING:  # a deadline comes again by itself
            _State.missed = _State.missed or number
        return
    # One exception is enough: a second one would break off the way out half way.
    for other in (*_ENDING, signal.SIGALRM):
        signal.signal(other, signal.SIG_IGN)
    raise Interrupted(number)


@contextmanager
def held_from_here() -> Iterator[None]:
    """Hold signals off in the block, and for the rest of the run if it succeeds; if it fails, they end the run now.

    What the block does cannot be undone, only finished; once it is done there is nothing left to stop. Where nobody
    knows whether it is done, or where it is but for something less, they go on being ignored: to be ended by one
    would be told as if it were not done.
    """
    _State.held, _State.missed = True, None
    try:
        yield
    except (CommitInDoubt, PublishedButUnfinished):
        raise
    except BaseException:
        _State.held = False
        _hear_missed()
        raise


def _hear_missed() -> None:
    """Raises Interrupted where a signal came while it was held off."""
    if _State.missed is not None and threading.current_thread() is threading.main_thread():
        _handle(_State.missed, None)


@contextmanager
def held() -> Iterator[None]:
    """Hold signals off in the block, which is a short one; what came meanwhile ends the run after it.

    They come in the main thread alone: in another one there is nothing to hold.
    """
    if _State.held or threading.current_thread() is not threading.main_thread():
        yield
        return
    _State.held, _State.missed = True, None
    try:
        yield
    finally:
        _State.held = False
        _hear_missed()


@contextmanager
def heard_again(*, missed: bool = False) -> Iterator[None]:
    """Let signals end the block, though they were held before it: what it does may be broken off.

    Args:
        missed: whether one that came while they were held ends it too, before it has begun.
    """
    held, _State.held = _State.held, False
    try:
        if missed:
            _hear_missed()
        yield
    finally:
        _State.held = held


@contextmanager
def deadline(length: timedelta) -> Iterator[None]:
    """End the block in order when it takes longer, as a signal would; what is held from signals is held from this.

    Only the main thread can be ended like this: in another one there is no deadline.

    Args:
        length: how long the block may take.

    Raises:
        DeadlinePassed: it took longer.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGALRM, _handle)
    signal.setitimer(signal.ITIMER_REAL, length.total_seconds(), _AGAIN)
    try:
        yield
    except Interrupted as interrupted:
        if interrupted.number != signal.SIGALRM:
            raise
        raise DeadlinePassed(
            f"The run was ended by its deadline of {spoken(length)}.",
            hint="find out what took so long, or set a later one: deadline under [job] in dmrefresh.toml",
        ) from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL if before is None else before)
