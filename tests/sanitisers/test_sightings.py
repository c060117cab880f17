from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sanitisers.engine import sightings
from sanitisers.engine.sightings import Sightings

Batch = list[tuple[int, int]]
seen = st.lists(
    st.lists(st.tuples(st.sampled_from([0, 1, 2, 70_000]), st.integers(0, 40) | st.integers(0, 2**64 - 1)), max_size=30)
)


def held(batches: list[Batch], most: int) -> tuple[dict[tuple[int, int], int], int]:
    """How often each hash was seen in each place, and how many bits were thinned."""
    found = Sightings(most)
    for batch in batches:
        places, hashes = ([row[i] for row in batch] for i in (0, 1))
        found.add(np.array(hashes, np.uint64), np.array(places, np.int64))
    counts = {
        (place, one): count
        for place, (hashes, own) in found.seen().items()
        for one, count in zip(hashes.tolist(), own.tolist(), strict=True)
    }
    return counts, found.thinned


@settings(deadline=None)
@given(seen)
def test_every_sighting_is_counted(batches: list[Batch]) -> None:
    assert held(batches, 10_000) == (Counter(row for batch in batches for row in batch), 0)


@settings(deadline=None)
@given(seen, st.integers(4, 40), st.integers(1, 20), st.integers(0, 9))
def test_what_is_forgotten_does_not_depend_on_the_order_or_the_size_of_blocks(
    batches: list[Batch], most: int, pending: int, turn: int
) -> None:
    rows = [row for batch in batches for row in batch]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sightings, "_PENDING", pending)
        counts, thinned = held([[row] for row in rows[turn:] + rows[:turn]], most)
    assert (counts, thinned) == held(batches, most)
    assert len(counts) <= most
    every = Counter(rows)
    assert counts == {row: every[row] for row in every if row[1] % 2**thinned == 0}


def test_hashes_come_in_ascending_order() -> None:
    found = Sightings()
    found.add(np.array([5, 2**63, 1, 5], np.uint64), np.zeros(4, np.int64))
    hashes, counts = found.seen()[0]
    assert (hashes.tolist(), counts.tolist()) == ([1, 5, 2**63], [1, 2, 1])
