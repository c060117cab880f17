"""What may never answer, in a thread of its own: whoever is ended while it waits for that need not wait any more."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from dmrefresh.machine import signals

T = TypeVar("T")

_FAREWELL = 2.0
"""Seconds for which it is waited for when the run was ended."""


class Apart(threading.Thread, Generic[T]):
    """Something that is done beside what goes on; as a daemon it holds nobody up.

    It is to be made while signals are held: one that came in between would leave something that nobody knows.

    Args:
        deed: what is done, from now on.
        name: of the thread.

    Attributes:
        error: what it has raised, once it is over.
    """

    def __init__(self, deed: Callable[[], T], name: str) -> None:
        super().__init__(name=name, daemon=True)
        self.error: BaseException | None = None
        self._deed = deed
        self._made: list[T] = []
        self._over = threading.Event()
        self.start()

    def run(self) -> None:
        """Do it; called by the thread."""
        try:
            self._made.append(self._deed())
        except BaseException as caught:  # raised again by whoever asks for the result
            self.error = caught
        finally:
            self._over.set()

    def wait(self) -> None:
        """Wait until it is over; a signal breaks the waiting off, and not what is done."""
        self._over.wait()

    def leave(self, seconds: float) -> None:
        """Wait until it is over; where the run was ended, or is ended meanwhile, for so many seconds at most."""
        try:
            if not signals.ended():
                self.wait()
        finally:
            if signals.ended():
                signals.join(self, seconds)

    def result(self) -> T:
        """Wait until it is over; what it returned, or raises what it raised."""
        self.wait()
        if self.error is not None:
            raise self.error
        return self._made[0]


@contextmanager
def meanwhile(deed: Callable[[], T], name: str) -> Iterator[Apart[T]]:
    """Do something beside the block, which is over when the block is.

    Args:
        deed: what is done; what it raises is told to whoever asks for its result.
        name: of the thread.
    """
    apart: Apart[T] | None = None
    try:
        with signals.held():
            apart = Apart(deed, name)
        yield apart
    finally:
        if apart is not None:
            apart.leave(_FAREWELL)
