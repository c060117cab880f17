"""Which text decides what a value becomes: the value itself, or another column of its row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sanitisers.engine.grid import unescaped
from sanitisers.engine.prf import ColumnCmac, Keyed
from sanitisers.engine.values import Values
from sanitisers.engine.whole_values import small

if TYPE_CHECKING:
    from sanitisers.engine.edits import Seen


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
            values = Values(small(values.buffer), values.starts, values.ends)
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
