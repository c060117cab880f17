from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dmrefresh.stages.prefetch import prefetch


@settings(max_examples=25)
@given(st.lists(st.integers(), max_size=50), st.integers(1, 5))
def test_the_items_come_in_their_order(items: list[int], depth: int) -> None:
    assert list(prefetch(iter(items), depth)) == items


def test_an_exception_comes_in_its_place() -> None:
    def source() -> Iterator[int]:
        yield 1
        yield 2
        raise LookupError("here")

    items = prefetch(source())
    assert [next(items), next(items)] == [1, 2]
    with pytest.raises(LookupError, match="here"):
        next(items)


def test_at_most_depth_items_wait() -> None:
    made = []
    enough = threading.Event()

    def source() -> Iterator[int]:
        for number in range(100):
            made.append(number)
            if number == 4:
                enough.set()
            yield number

    items = prefetch(source(), depth=3)
    assert next(items) == 0
    assert enough.wait(5)  # one taken, three waiting, one in the producer's hand
    assert not threading.Event().wait(0.3)
    assert len(made) == 5
    items.close()


def test_a_consumer_that_stops_closes_the_producer_and_ends_its_thread() -> None:
    closed = threading.Event()

    def source() -> Iterator[int]:
        try:
            while True:
                yield 0
        finally:
            closed.set()

    items = prefetch(source())
    next(items)
    items.close()
    assert closed.is_set()
    assert not [t for t in threading.enumerate() if t.name == "dmrefresh-prefetch"]
