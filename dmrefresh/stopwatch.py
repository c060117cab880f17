"""Where the seconds go: how long each stage of an attempt is busy, and how many bytes it gives."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

_EVERY = 0.5
"""Seconds between two samples, at first."""
_SAMPLES = 240
"""Of so many every second one is let go."""


@dataclass(slots=True)
class Flow:
    """What has come out of a stage so far.

    Attributes:
        began, ended: when it was first asked for something, and when it last gave something (seconds since the start
            of the stopwatch).
        bytes: what it gave, where that can be weighed: blocks, and the rows of a dump.
    """

    began: float
    ended: float
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Sample:
    """The state of all stages in a moment: `at` seconds after the start, their bytes and their busy seconds so far."""

    at: float
    bytes: dict[str, int]
    seconds: dict[str, float]


@dataclass(slots=True)
class _Measured:
    """A block that is being measured: whom it is charged to, when it began, and the seconds of those inside it."""

    name: str | None
    began: float
    inner: float = 0.0


class Stopwatch:
    """Adds up the seconds each stage is busy, without those of the stages it pulls from, and the bytes it gives.

    Stages run in several threads at once, so the sum may exceed the wall clock.

    Attributes:
        seconds: that each stage was busy, in what is over.
        spans: when each was first and last busy (seconds since the start).
        flows: what has come out of each stage that is an iterator, in the order in which they began.
        samples: how that grew: one in half a second at first, and in twice as long whenever there are too many.
        expected: bytes that a stage will give in all, as far as somebody has said so; modulo 2**32, since gzip says no
            more.
    """

    def __init__(self) -> None:
        self.expected: dict[str, int] = {}
        self.seconds: dict[str, float] = {}
        self.spans: dict[str, tuple[float, float]] = {}
        self.flows: dict[str, Flow] = {}
        self.samples: list[Sample] = []
        self._start = time.perf_counter()
        self._every = _EVERY
        self._lock = threading.RLock()
        self._own = threading.local()
        self._under_way: list[list[_Measured]] = []

    @property
    def elapsed(self) -> float:
        """Seconds since it was started."""
        return time.perf_counter() - self._start

    @property
    def idle(self) -> bool:
        """Whether no stage is at anything."""
        return not any(self._under_way)

    def sample(self) -> Sample:
        """The state of all stages now, with what is under way."""
        with self._lock:
            seconds, now = self.seconds.copy(), time.perf_counter()
            for thread in self._under_way:
                until = now
                for one in reversed(thread):
                    if one.name is not None:
                        seconds[one.name] = seconds.get(one.name, 0.0) + until - one.began - one.inner
                    until = one.began
            return Sample(now - self._start, {name: one.bytes for name, one in self.flows.items()}, seconds)

    @contextmanager
    def measure(self, name: str | None) -> Iterator[None]:
        """Charge the time of the block to `name`, less what blocks inside it are charged; to nobody if None."""
        outer = self._of_this_thread()
        this = _Measured(name, time.perf_counter())
        with self._lock:
            outer.append(this)
        try:
            yield
        finally:
            with self._lock:
                elapsed = time.perf_counter() - this.began
                outer.pop()
                if outer:
                    outer[-1].inner += elapsed
                if name is not None:
                    self.seconds[name] = self.seconds.get(name, 0.0) + elapsed - this.inner
                    first, _ = self.spans.get(name, (this.began - self._start, 0.0))
                    self.spans[name] = first, this.began + elapsed - self._start

    def _of_this_thread(self) -> list[_Measured]:
        """What is being measured in this thread, the innermost last."""
        found: list[_Measured] | None = self._own.__dict__.get("under_way")
        if found is None:
            found = self._own.under_way = []
            with self._lock:
                self._under_way.append(found)
        return found

    def timed(self, name: str, items: Iterable[T], *, charged: bool = True) -> Generator[T]:
        """Yield `items`, charging the time it takes to make each to `name`, and counting its bytes.

        Args:
            name: of the stage.
            items: what it gives.
            charged: whether its time is; else it is that of a block which is measured as a whole.
        """
        began = self.elapsed
        with self._lock:
            flow = self.flows.setdefault(name, Flow(began, began))
        with closing(self._each(name if charged else None, items)) as each:
            for item in each:
                self._count(flow, _weight(item))
                yield item

    def awaited(self, items: Iterable[T]) -> Generator[T]:
        """Yield `items`, charging the wait for each to nobody: what makes them in another thread is charged there."""
        return self._each(None, items)

    def _each(self, name: str | None, items: Iterable[T]) -> Generator[T]:
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

    def _count(self, flow: Flow, size: int) -> None:
        now = self.elapsed
        with self._lock:
            flow.bytes += size
            flow.ended = now
            if now - (self.samples[-1].at if self.samples else 0.0) >= self._every:
                self.samples.append(self.sample())
                if len(self.samples) > _SAMPLES:
                    self.samples = self.samples[1::2]
                    self._every *= 2


def _weight(item: object) -> int:
    """Bytes of a block, or of the rows of an event; other events weigh nothing."""
    if isinstance(item, bytes | memoryview | bytearray):
        return len(item)
    rows = getattr(item, "rows", b"")
    return len(rows) if isinstance(rows, bytes | memoryview) else 0
