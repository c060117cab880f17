"""Run the stages above in a thread of their own, a few items ahead."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from dmrefresh.machine import signals

T = TypeVar("T")

_PATIENCE = 0.1
"""Seconds between two looks at whether the other side has gone away."""
_FAREWELL = 2.0
"""Seconds an abandoned producer is waited for; it is a daemon, so it cannot hold up the exit after that."""


@dataclass(frozen=True, slots=True)
class _Finished:
    error: BaseException | None


class _Producer(threading.Thread, Generic[T]):
    def __init__(self, items: Iterable[T], depth: int) -> None:
        super().__init__(name="dmrefresh-prefetch", daemon=True)
        self.items = items
        self.queue: queue.Queue[T | _Finished] = queue.Queue(depth)
        self.abandoned = threading.Event()

    def run(self) -> None:
        error: BaseException | None = None
        source = iter(self.items)
        try:
            for item in source:
                if not self._put(item):
                    break
        except BaseException as caught:  # carried across to the consumer, whatever it is
            error = caught
        try:
            close = getattr(source, "close", None)
            if close is not None:
                close()
        except BaseException as caught:
            error = error or caught
        self._put(_Finished(error))

    def _put(self, item: T | _Finished) -> bool:
        while not self.abandoned.is_set():
            try:
                self.queue.put(item, timeout=_PATIENCE)
            except queue.Full:
                continue
            return True
        return False


def prefetch(items: Iterable[T], depth: int = 4) -> Generator[T]:
    """Yield `items` unchanged while a thread makes the next ones, at most `depth` ahead.

    An exception of the producer is raised here, in its place in the order. A consumer that stops early
    stops the producer, whose generators are closed in the thread they run in.
    """
    producer = _Producer(items, depth)
    producer.start()
    try:
        while True:
            item = producer.queue.get()
            if isinstance(item, _Finished):
                if item.error is not None:
                    raise item.error
                return
            yield item
    finally:
        producer.abandoned.set()
        signals.join(producer, _FAREWELL)
