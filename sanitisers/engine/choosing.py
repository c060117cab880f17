"""Which text decides what a value becomes: the value itself, or another column of its row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sanitisers.engine.alphabets import table_of
from sanitisers.engine.document_texts import appended
from sanitisers.engine.grid import unescaped
from sanitisers.engine.prf import ColumnCmac, Keyed
from sanitisers.engine.values import Values, texts_of
from sanitisers.engine.whole_values import small

if TYPE_CHECKING:
    from sanitisers.engine.edits import Seen


_BEYOND_LATIN = table_of(bytes(range(0xC4, 0x100)))
"""Bytes with which characters begin that `small` does not know."""


@dataclass(frozen=True, slots=True)
class Choosing:
    """The keyed function of a rule, and what goes into it.

    Attributes:
        cmac: the keyed function.
        by: columns of which the first that has a value decides; where none has, the value itself does.
        folded: whether capitals make no difference, as in a column of type citext.
    """

    cmac: ColumnCmac
    by: tuple[str, ...] = ()
    folded: bool = False

    def keyed(self, seen: Seen) -> Keyed:
        """The keyed numbers of each value that is to be replaced."""
        values = self._texts(seen) if self.by else seen.originals
        if self.folded:
            values = _folded(values)
        return Keyed.of(self.cmac, values)

    def _texts(self, seen: Seen) -> Values:
        rows = np.flatnonzero(seen.rows)
        own = seen.column
        starts, ends = own.values.starts.take(rows), own.values.ends.take(rows)
        ends = np.where(own.null.take(rows), starts, ends)
        for name in reversed(self.by):
            column = seen.other(name)
            has = ~(column.null | column.empty).take(rows)
            starts = np.where(has, column.values.starts.take(rows), starts)
            ends = np.where(has, column.values.ends.take(rows), ends)
        return unescaped(Values(own.values.buffer, starts, ends), apart=1)


def _folded(values: Values) -> Values:
    """The values in small letters, those of all scripts: what the server takes for equal in citext is equal here."""
    values = Values(small(values.buffer), values.starts, values.ends)
    beyond = np.append(0, np.cumsum(_BEYOND_LATIN.take(values.buffer)))
    which = np.flatnonzero(beyond.take(values.ends) > beyond.take(values.starts))
    if not len(which):
        return values
    # One character after the other: of a whole text Python writes the last sigma in another way.
    texts = (text.tobytes().decode("utf-8", "surrogateescape") for text in texts_of(values, which))
    lower = ["".join(map(str.lower, text)).encode("utf-8", "surrogateescape") for text in texts]
    together = appended(values, lower)
    starts, ends = values.starts.copy(), values.ends.copy()
    starts[which], ends[which] = together.starts[len(starts) :], together.ends[len(ends) :]
    return Values(together.buffer, starts, ends)
