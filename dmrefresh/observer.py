"""Who is told what is going on, and where the seconds go.

The library never imports a terminal: jobs and stages talk to an `Observer`, which does nothing unless the
command line (or a test) passes one that does.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")


class Observer:
    """Is told about progress; every method does nothing here.

    What it is given never holds an original value: names of tables, counts, sizes and sentences of ours.
    """

    def note(self, message: str) -> None:
        """A step began or ended."""

    def warn(self, message: str) -> None:
        """Something a person should look at, though the run goes on."""

    def progress(self, table: str, rows: int) -> None:
        """So many rows of this table have been given to the server so far."""

    def step(self, name: str) -> None:
        """Publishing reached the named step; steps are named in `dmrefresh.postgres.strategies.publish`."""


class Stopwatch:
    """Adds up the seconds each stage is busy, without those of the stages it pulls from.

    Stages run in several threads at once, so the sum may exceed the wall clock.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._lock = threading.Lock()
        self._running = threading.local()

    @contextmanager
    def measure(self, name: str) -> Iterator[None]:
        """Charge the time of the block to `name`, less what blocks inside it are charged."""
        outer: list[float] = self._running.__dict__.setdefault("inner", [])
        outer.append(0.0)
        began = time.perf_counter()
        try:
            yield
        finally:
            elapsed = time.perf_counter() - began
            own = elapsed - outer.pop()
            if outer:
                outer[-1] += elapsed
            with self._lock:
                self.seconds[name] = self.seconds.get(name, 0.0) + own

    def timed(self, name: str, items: Iterable[T]) -> Generator[T]:
        """Yield `items`, charging the time it takes to make each to `name`."""
        source = iter(items)
        try:
            while True:
                with self.measure(name):
                    try:
                        item = next(source)
                    except StopIteration:
                        return
                yield item
        finally:
            close = getattr(source, "close", None)
            if close is not None:
                close()
