"""The harness of the bench: who is run when, what counts, and what is said of a side that fails."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.measure import ClientFailedError, Program, run
from bench.rounds import Once, Runner, interleaved
from bench.sides import MismatchError, demand


def noted(name: str, order: list[str]) -> Runner:
    """A side whose seconds are how often it has been run, and which notes when."""

    def once() -> Once:
        order.append(name)
        times = order.count(name)
        return Once(times, 10 * times, 100 * times, 1000 * times, {"round": times - 1})

    return Runner(f"what {name} is", once)


def test_each_round_begins_with_another_side() -> None:
    order: list[str] = []
    interleaved({name: noted(name, order) for name in "abc"}, 3, list[str]().append)
    assert "".join(order) == "abc" + "bca" + "cab" + "abc"


def test_the_first_round_does_not_count_and_the_sides_stay_in_their_order() -> None:
    said: list[str] = []
    order: list[str] = []
    sides = interleaved({name: noted(name, order) for name in "abc"}, 2, said.append)
    assert list(sides) == ["a", "b", "c"]
    for name, side in sides.items():
        assert side.what == f"what {name} is"
        assert (side.seconds, side.cpu_seconds) == ([2, 3], [20, 30])
        assert (side.peak_bytes, side.bytes) == ([200, 300], [2000, 3000])
        assert side.more == {"round": [1, 2]}
    assert [line.partition(":")[0] for line in said] == [
        "the round that does not count",
        "round 1 of 2",
        "round 2 of 2",
    ]


def failing(folder: Path) -> Once:
    return Once.of(run([Program("gzip", ["sh", "-c", "exit 7"], os.environ)], folder=folder))


def lossy(_: Path) -> Once:
    demand({"users": 2, "more": 1}, {"users": 3})
    raise AssertionError


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        (failing, r"^broken: gzip ended with 7$"),
        (lossy, r"^broken: not the rows of the dump: more \(1 instead of None\), users \(2 instead of 3\)$"),
    ],
    ids=["a program", "rows"],
)
def test_a_side_that_fails_ends_it_and_is_named(broken: Callable[[Path], Once], sentence: str, tmp_path: Path) -> None:
    order: list[str] = []
    runners = {"whole": noted("whole", order), "broken": Runner("", lambda: broken(tmp_path))}
    with pytest.raises(ClientFailedError, match=sentence):
        interleaved(runners, 3, list[str]().append)
    assert order == ["whole"]


def test_the_same_rows_are_what_is_demanded() -> None:
    demand({"users": 3, "briefs": 0}, {"users": 3, "briefs": 0})
    with pytest.raises(MismatchError, match="briefs"):
        demand({"users": 3}, {"users": 3, "briefs": 0})


def test_memory_of_each_program_goes_along(tmp_path: Path) -> None:
    used = run([Program("sh", ["sh", "-c", "sleep 0.3"], os.environ)], folder=tmp_path)
    once = Once.of(used, bytes=7, stages={"read": 0.1})
    assert once.more == {"memory": used.memory, "stages": {"read": 0.1}}
    assert (once.seconds, once.bytes, once.peak_bytes) == (used.seconds, 7, used.peak_memory)
    assert used.memory
