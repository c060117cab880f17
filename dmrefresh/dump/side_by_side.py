"""Work done by several threads at once, whose results come in the order in which it was given."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Work(Generic[T]):
    """Something that is still to be done; `work` does it, and shares nothing that is not made for several threads."""

    work: Callable[[], T]


@dataclass(frozen=True, slots=True)
class Ready(Generic[T]):
    """Something that is done, and keeps its place in the order."""

    result: T


def results(items: Iterable[Work[T] | Ready[T]], threads: int) -> Iterator[T]:
    """Yield what is ready, and of each piece of work what came of it.

    Args:
        items: taken in the thread that asks, at most `threads` ahead of what it is given.
        threads: how many pieces are worked on at a time; 1 works in the thread that asks, and nothing ahead.

    Raises:
        Exception: whatever a piece of work raises, in its place in the order.
    """
    if threads == 1:
        for item in items:
            yield item.work() if isinstance(item, Work) else item.result
        return
    pool = ThreadPoolExecutor(threads, "dmrefresh-rows")
    under_way: deque[Future[T] | Ready[T]] = deque()
    try:
        for item in items:
            under_way.append(pool.submit(item.work) if isinstance(item, Work) else item)
            if len(under_way) > threads:
                yield _done(under_way.popleft())
        while under_way:
            yield _done(under_way.popleft())
    finally:
        # What is under way may wait for somebody; who has had enough does not wait for it.
        pool.shutdown(wait=False, cancel_futures=True)


def _done(item: Future[T] | Ready[T]) -> T:
    return item.result() if isinstance(item, Future) else item.result
