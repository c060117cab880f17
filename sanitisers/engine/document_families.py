"""What makes the fakes of a block of documents, for the values of all families at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sanitisers.engine.document_fakes import DocumentFakes
from sanitisers.engine.fakes import Picking, Taken
from sanitisers.engine.prf import Keyed
from sanitisers.engine.redacting import DocumentRedaction
from sanitisers.engine.values import Values

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sanitisers.engine.document_fakes import KeyedFakes, LeafFakes
    from sanitisers.engine.fakes import Indexes
    from sanitisers.engine.grid import Pieces
    from sanitisers.engine.values import Positions

_NONE = -1


class Families:
    """The families of an edit.

    Attributes:
        pools: all entries of those whose fakes are each one entry of a pool.
    """

    def __init__(self, families: Sequence[LeafFakes]) -> None:
        """Take the families in the order of their indexes."""
        self._families = families
        keyed: list[KeyedFakes] = [family for family in families if not isinstance(family, DocumentRedaction)]
        self._cmacs = [family.cmac for family in keyed]
        picked = [family for family in keyed if isinstance(family, DocumentFakes) and family.pick is not None]
        self._picking = Picking([family.pick for family in picked if family.pick is not None])
        self.pools: list[Pieces] = [family.entries for family in picked]
        # By the index of a family, and for what is of none: its place among those with keys, and among the picked.
        self._keyed = _places(families, keyed)
        self._picked = _places(families, picked)
        self._others = [index for index, family in enumerate(families) if family not in picked]

    def made(self, families: Indexes, originals: Values, deciding: Values) -> Iterator[tuple[Indexes, Indexes | Taken]]:
        """Indexes of values, and what stands in their place: of `pools`, end to end, or chosen.

        `families` has for each value the index of its family, or -1.
        """
        function = self._keyed.take(families)
        own = np.flatnonzero(function != _NONE)
        lengths = originals.ends - originals.starts
        keyed = _none(len(families))
        if len(own):
            texts = Values(deciding.buffer, deciding.starts.take(own), deciding.ends.take(own))
            words = Keyed.of_each(self._cmacs, function.take(own), texts)
            if len(own) == len(families):
                keyed = words
            else:
                keyed.low[own], keyed.high[own] = words.low, words.high
        pick = self._picked.take(families)
        if len(own := np.flatnonzero(pick != _NONE)):
            yield own, self._picking.of(pick.take(own), keyed.low.take(own), lengths.take(own))
        for index in self._others:
            own = np.flatnonzero(families == index)
            if len(own):
                yield own, self._of(index, own, originals, deciding, keyed)

    def _of(self, index: int, own: Indexes, originals: Values, deciding: Values, keyed: Keyed) -> Taken:
        family = self._families[index]
        texts = _some(originals, own)
        if isinstance(family, DocumentRedaction):
            return family.pieces(texts, _some(deciding, own))
        return family.made(texts, Keyed(keyed.low.take(own), keyed.high.take(own)))


def _places(families: Sequence[LeafFakes], some: Sequence[LeafFakes]) -> Positions:
    """For each family its place among some; one more, for none."""
    return np.array([some.index(family) if family in some else _NONE for family in families] + [_NONE], np.int64)


def _some(values: Values, own: Indexes) -> Values:
    return Values(values.buffer, values.starts.take(own), values.ends.take(own))


def _none(count: int) -> Keyed:
    return Keyed(np.zeros(count, np.uint64), np.zeros(count, np.uint64))
