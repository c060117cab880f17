"""Digits side by side are found as a pattern finds them, at every edge of a text."""

from __future__ import annotations

import re

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from sanitisers.engine.alphabets import table_of
from sanitisers.engine.digits import Groups

MARKS = b" -."
texts = st.text("019 -./:ax", max_size=40).map(str.encode)
some = st.integers(1, 12)


def bytes_of(text: bytes) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    return np.frombuffer(text, np.uint8)


def spans(groups: Groups) -> list[tuple[int, int]]:
    return list(zip(groups.starts.tolist(), groups.ends.tolist(), strict=True))


def by_pattern(text: bytes) -> list[tuple[int, int]]:
    return [found.span() for found in re.finditer(rb"[0-9]+", text)]


@given(texts | st.binary(max_size=40))
@example(b"")
@example(b"1")
@example(b"/0:9")
def test_groups_are_what_a_pattern_finds(text: bytes) -> None:
    assert spans(Groups.of(bytes_of(text))) == by_pattern(text)


@given(texts, some, st.integers(1, 4))
@example(b"123 456 789", 9, 1)
@example(b"12345678 ----- 9", 9, 3)
@example(b"1 2:34567", 3, 1)
def test_runs_have_enough_digits_with_only_marks_between_them(text: bytes, least: int, most: int) -> None:
    runs = [found.span() for found in re.finditer(rb"[0-9]+(?:[ \-.]{1,%d}[0-9]+)*" % most, text)]
    expected, last = [], []
    for start, end in runs:
        groups = [(start + one, start + other) for one, other in by_pattern(text[start:end])]
        if sum(other - one for one, other in groups) >= least:
            expected += groups
            last += [False] * (len(groups) - 1) + [True]
    found, joined = Groups.of(bytes_of(text)).in_runs(bytes_of(text), table_of(MARKS), most, least)
    assert spans(found) == expected
    assert (~joined).tolist() == last


@given(texts, st.integers(1, 4))
@example(b"1- -2.-- -3a4", 3)
def test_linked_ones_have_only_marks_between_them(text: bytes, most: int) -> None:
    groups = Groups.of(bytes_of(text))
    between = [text[end:start] for (_, end), (start, _) in zip(spans(groups), spans(groups)[1:], strict=False)]
    expected = [bool(re.fullmatch(rb"[ \-.]{1,%d}" % most, part)) for part in between]
    assert groups.linked(bytes_of(text), table_of(MARKS), most).tolist() == expected
