"""Places inside many values at once, and which value each is in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sanitisers.engine.grid import PADDING, end_to_end
from sanitisers.engine.values import Values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sanitisers.engine.grid import Flags
    from sanitisers.engine.values import Bytes, Positions


@dataclass(frozen=True, slots=True)
class Spans:
    """Parts of values: part i is `buffer[starts[i]:ends[i]]` of theirs, in value `owners[i]`."""

    owners: Positions
    starts: Positions
    ends: Positions

    def only(self, which: Flags) -> Spans:
        """Some of them."""
        return Spans(self.owners[which], self.starts[which], self.ends[which])

    def texts(self, buffer: Bytes) -> Values:
        """What they hold, end to end in a buffer of its own."""
        return end_to_end(Values(buffer, self.starts, self.ends))


def in_values(values: Values, places: Positions) -> tuple[Positions, Positions]:
    """Indexes of those places that are inside values (which are in the order of their starts), and of their values."""
    if not len(values.starts):
        return places[:0], places[:0]
    owners = np.searchsorted(values.starts, places, "right") - 1
    inside = np.flatnonzero((owners >= 0) & (places < values.ends.take(owners)))
    return inside, owners.take(inside)


def windows(text: Bytes, places: Positions, width: int) -> Bytes:
    """The `width` bytes from each place on, which the text has: shape (places, width)."""
    rows = np.ndarray((len(text) - width + 1,), f"V{width}", text, strides=(1,))
    return rows[places].view(np.uint8).reshape(-1, width)


def count_between(places: Positions, starts: Positions, ends: Positions) -> Positions:
    """How many of the places, which are in order, are in each of these ranges."""
    return np.searchsorted(places, ends) - np.searchsorted(places, starts)


def laid_together(parts: Sequence[Values]) -> Values:
    """All values of several buffers in one."""
    bases = np.cumsum([0, *(len(part.buffer) + PADDING for part in parts)]).tolist()
    return Values(
        np.concatenate([*(buffer for part in parts for buffer in (part.buffer, np.zeros(PADDING, np.uint8)))]),
        np.concatenate([part.starts + base for part, base in zip(parts, bases, strict=False)]),
        np.concatenate([part.ends + base for part, base in zip(parts, bases, strict=False)]),
    )


def without(values: Values, starts: Positions, ends: Positions) -> Values:
    """The values without these parts of their buffer, which are in order and apart; PADDING zeros behind the last."""
    text = end_to_end(Values(values.buffer, np.append(0, ends), np.append(starts, len(values.buffer)))).buffer
    edges = (edge - _before(edge, starts, ends - starts) for edge in (values.starts, values.ends))
    return Values(text, *edges)


def _before(edges: Positions, places: Positions, lengths: Positions) -> Positions:
    """How long all is together that begins before each of the edges; both are in order."""
    # There are far more edges than places, so the places are looked up among them.
    gone = np.bincount(np.searchsorted(edges, places, "right"), lengths, len(edges) + 1)
    return np.cumsum(gone[: len(edges)].astype(np.int64))
