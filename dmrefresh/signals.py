"""Signals end a run in order: they become an exception, so that every `finally` on the way out runs."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


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


def install() -> None:
    """Let SIGINT, SIGTERM and SIGHUP raise `Interrupted` in the main thread."""
    _State.held = False
    for number in _ENDING:
        signal.signal(number, _handle)


def _handle(number: int, frame: FrameType | None) -> None:
    if _State.held:
        return
    # One exception is enough: a second one would break off the way out half way.
    for other in _ENDING:
        signal.signal(other, signal.SIG_IGN)
    raise Interrupted(number)


@contextmanager
def held_from_here() -> Iterator[None]:
    """Ignore signals in the block, and for the rest of the run if it succeeds.

    What the block does cannot be undone, only finished; once it is done there is nothing left to stop.
    """
    _State.held = True
    try:
        yield
    except BaseException:
        _State.held = False
        raise
