"""Digits side by side: far fewer than there are digits, and all that whoever looks for numbers has to know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from sanitisers.engine.grid import Flags
    from sanitisers.engine.values import Bytes, Positions

_ZERO = ord("0")


@dataclass(frozen=True, slots=True)
class Groups:
    """Groups of digits in order: group i is `text[starts[i]:ends[i]]`, with no digit beside it.

    Attributes:
        starts: where each begins.
        ends: where each ends.
    """

    starts: Positions
    ends: Positions

    @classmethod
    def of(cls, text: Bytes) -> Groups:
        """All of them."""
        if not len(text):
            return cls(np.empty(0, np.int64), np.empty(0, np.int64))
        digit = (text - np.uint8(_ZERO)) < 10  # smaller bytes wrap round
        # Where a digit and something else meet, a group begins or ends, in turn.
        edges = np.flatnonzero(digit[1:] != digit[:-1]) + 1
        if digit[0]:
            edges = np.append(0, edges)
        if digit[-1]:
            edges = np.append(edges, len(text))
        return cls(edges[0::2], edges[1::2])

    @property
    def sizes(self) -> Positions:
        """How many digits each has."""
        return self.ends - self.starts

    def in_runs(self, text: Bytes, marks: Flags, most: int, least: int) -> tuple[Groups, Flags]:
        """Those in runs of so many digits at least, with nothing but so many marks at most between two groups.

        Also gives which of them are not the last of their run.
        """
        if not len(self.starts):
            return self, np.empty(0, np.bool_)
        joined = np.append(self.linked(text, marks, most), False)
        firsts = np.append(0, np.flatnonzero(~joined[:-1]) + 1)
        enough = np.add.reduceat(self.sizes, firsts) >= least
        which = np.flatnonzero(np.repeat(enough, np.diff(firsts, append=len(joined))))
        return Groups(self.starts.take(which), self.ends.take(which)), joined.take(which)

    def linked(self, text: Bytes, marks: Flags, most: int) -> Flags:
        """Which groups but the last have nothing but so many marks at most between them and the next."""
        ends, between = self.ends[:-1], self.starts[1:] - self.ends[:-1]
        joined: Flags = between <= most
        near = np.flatnonzero(joined)
        ends, between = ends.take(near), between.take(near)
        joins = marks.take(text.take(ends))
        for step in range(1, most):
            joins &= marks.take(text.take(ends + step, mode="clip")) | (between <= step)
        joined[near] = joins
        return joined
