from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator

import pytest

from dmrefresh.errors import DumpDamaged, DumpRefused
from dmrefresh.observer import Stopwatch
from dmrefresh.stages.prefetch import prefetch
from dmrefresh.stages.verdict import Verdict


def message(read: list[int], failure: Exception | None, closed: list[bool] | None = None) -> Generator[bytes]:
    try:
        for number in range(50):
            read.append(number)
            yield b"block"
        if failure is not None:
            raise failure
    finally:
        if closed is not None:
            closed.append(True)


def stumbling(blocks: Iterable[bytes], at: int) -> Iterator[bytes]:
    for number, block in enumerate(blocks):
        if number == at:
            raise DumpRefused("an odd statement")
        yield block


@pytest.mark.parametrize("where", ["in the thread that reads", "further down", "at the end of the chain"])
@pytest.mark.parametrize("damage", [DumpDamaged("damaged"), None])
def test_the_message_is_read_to_its_end_before_a_complaint_about_it_is_heard(
    where: str, damage: DumpDamaged | None
) -> None:
    read: list[int] = []
    verdict = Verdict(message(read, damage))
    timed = Stopwatch().timed
    text = timed("text", stumbling(verdict, 3 if where == "in the thread that reads" else 99))
    lower = prefetch(text, depth=1)
    upper = prefetch(timed("upper", stumbling(lower, 3 if where == "further down" else 99)), depth=1)
    with pytest.raises(DumpRefused):
        for _ in stumbling(upper, 3):
            pass
    assert len(read) < 50
    assert verdict.judge(upper, lower, text) is damage
    assert len(read) == 50


def test_nothing_is_read_of_a_message_that_nobody_has_begun() -> None:
    read: list[int] = []
    verdict = Verdict(message(read, DumpDamaged("damaged")))
    chain = prefetch(iter(()))
    assert verdict.judge(chain) is None
    assert read == []


def test_a_message_that_is_abandoned_is_closed_and_not_read_on() -> None:
    read: list[int] = []
    closed: list[bool] = []
    with Verdict(message(read, None, closed)) as verdict:
        next(iter(verdict))
        assert not closed
    assert (read, closed) == ([0], [True])
