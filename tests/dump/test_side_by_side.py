"""Work of several threads, and the order of what comes of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial

import pytest

from dmrefresh.dump.side_by_side import Ready, Work, results


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_what_comes_of_work_comes_in_the_order_in_which_it_was_given(threads: int) -> None:
    items = [Ready(n) if n % 5 == 0 else Work(partial(int, n)) for n in range(100)]
    assert list(results(items, threads)) == list(range(100))


def test_pieces_of_work_are_worked_on_at_the_same_time() -> None:
    both = threading.Barrier(2, timeout=10)

    def meet() -> int:
        return both.wait()

    assert sorted(results([Work(meet), Work(meet)], 2)) == [0, 1]


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_no_more_is_taken_in_than_there_are_threads_for(threads: int) -> None:
    taken = 0

    def items() -> Iterator[Work[int]]:
        nonlocal taken
        for n in range(10):
            taken += 1
            yield Work(partial(int, n))

    for given, _ in enumerate(results(items(), threads), 1):
        assert taken <= given + threads


@pytest.mark.parametrize("threads", [1, 2])
def test_a_failure_is_raised_in_its_place_and_nothing_after_it_is_handed_on(threads: int) -> None:
    def fail() -> int:
        raise ValueError("no")

    items: list[Work[int] | Ready[int]] = [Ready(1), Work(partial(int, 2)), Work(fail), Work(partial(int, 4))]
    found = results(items, threads)
    assert [next(found), next(found)] == [1, 2]
    with pytest.raises(ValueError, match="no"):
        next(found)
    assert list(found) == []


def test_whoever_stops_early_leaves_no_thread_behind() -> None:
    found = results((Work(partial(int, n)) for n in range(100)), 2)
    next(found)
    found.close()  # type: ignore[attr-defined]
    for thread in threading.enumerate():
        if thread.name.startswith("dmrefresh-rows"):
            thread.join(10)
            assert not thread.is_alive()
