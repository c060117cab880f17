"""One block of a table pieced together anew: where its pieces lie, and the order in which they are taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
import pyarrow as pa

from sanitisers.engine.copy_text import decode
from sanitisers.engine.edits import Seen
from sanitisers.engine.fakes import Taken, constant
from sanitisers.engine.grid import Column, pieces_of
from sanitisers.engine.refused import ValueUnfit
from sanitisers.engine.tally import SAMPLES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sanitisers.engine.edits import Edit
    from sanitisers.engine.fakes import Indexes
    from sanitisers.engine.grid import Pieces
    from sanitisers.engine.tally import Tally
    from sanitisers.engine.values import Positions
    from sanitisers.engine.watch import Watch


@dataclass(frozen=True, slots=True)
class ToDo:
    """What is done to every block of a table.

    Attributes:
        columns: in the order of the rows.
        edits: of each column that does not stay as it is.
        cuts: indexes of the columns whose values are pieces of their own: those, and what goes into their fakes.
        watch: is shown what stands there; None where nobody looks for leaks.
    """

    columns: tuple[str, ...]
    edits: Mapping[str, Edit]
    cuts: list[int]
    watch: Watch | None

    @classmethod
    def of(cls, columns: Sequence[str], edits: Mapping[str, Edit], watch: Watch | None) -> ToDo:
        """Of these edits those that the rows have columns for, and who watches."""
        own = {name: edits[name] for name in columns if name in edits}
        needed = {other for edit in own.values() for other in edit.needs}
        cuts = [i for i, name in enumerate(columns) if name in own or name in needed]
        return cls(tuple(columns), own, cuts, watch)


class Work:
    """One block on its way through: what its pieces are, and the order in which they are taken."""

    def __init__(self, todo: ToDo, rows: bytes | memoryview, grid: Positions, tally: Tally) -> None:
        """Take whole COPY lines, the places of the separators in them, and where it is counted what is done."""
        self.columns, self.edits, self.cuts, self.watch = todo.columns, todo.edits, todo.cuts, todo.watch
        self.block = np.frombuffer(rows, np.uint8)
        self.grid = grid
        self.tally = tally
        self.raw = pieces_of(rows, grid, self.cuts)
        self.rows = np.arange(len(grid), dtype=np.int64)
        # Everything that pieces come from, end to end; `bases` says where each array begins.
        self.arrays: list[Pieces] = []
        self.bases: dict[int, int] = {}
        self.length = 0
        self._base(self.raw)
        self.nothing = self._base(_NOTHING)

    def done(self) -> memoryview:
        """The block, sanitised."""
        order: list[Indexes] = []
        shown: dict[str, list[Indexes]] = {}
        for place, index in enumerate(self.cuts):
            value = self._raw_value(place)
            order.append(value - 1)  # the gap before it
            name = self.columns[index]
            edit = self.edits.get(name)
            parts = self._edited(name, edit, index) if edit else None
            if parts is None:
                order.append(value)
                continue
            chosen, pieces = parts
            order += self._spread(pieces, chosen, value)
            if edit and edit.shows and self.tally.wants(name):
                shown[name] = [piece[:SAMPLES] for piece in pieces]
        combined = cast("Pieces", pa.concat_arrays([array.cast(self.raw.type) for array in self.arrays]))
        for name, pieces in shown.items():
            self._show(name, combined, pieces)
        return self._taken(combined, order)

    def _edited(self, name: str, edit: Edit, index: int) -> tuple[Indexes, list[Indexes]] | None:
        """Which rows of a column are replaced, and by which pieces; None where no row is."""
        column = Column.of(self.block, self.grid, index)
        rows = np.ones(len(self.rows), np.bool_)
        if edit.spares_null:
            rows &= ~column.null
        if edit.spares_empty:
            rows &= ~column.empty
        chosen = np.flatnonzero(rows)
        if not len(chosen):
            return None
        self.tally.count(name, len(chosen))
        watch = self.watch.documents.get(name) if self.watch else None
        boxes = self.watch.boxes.get(name) if self.watch else None
        remains = self.watch.remains.get(name) if self.watch else None
        seen = Seen(column, rows, self._other, self._raw_piece, self.tally, watch, boxes, remains=remains)
        found = edit.pieces(seen)
        if self.watch:
            self.watch.replaced(name, seen)
        return chosen, [self._base(part.array) + part.indexes for part in found]

    def _spread(self, pieces: list[Indexes], chosen: Indexes, value: Indexes) -> list[Indexes]:
        """Pieces for every row: those that are not replaced keep their value, and nothing besides."""
        if len(chosen) == len(value):
            return pieces
        first, *others = pieces
        spread = [value.copy(), *(np.full(len(value), self.nothing, np.int64) for _ in others)]
        for whole, part in zip(spread, (first, *others), strict=True):
            whole[chosen] = part
        return spread

    def _taken(self, combined: Pieces, order: list[Indexes]) -> memoryview:
        last_gap = 2 * len(self.cuts) * len(self.rows)
        taken = np.empty(len(order) * len(self.rows) + 1, np.int64)
        taken[:-1].reshape(len(self.rows), len(order))[:] = np.stack(order, axis=1)
        taken[-1] = last_gap
        result = combined.take(pa.array(taken, pa.int64()))
        _, offsets, data = result.buffers()
        if data is None or offsets is None:  # nothing but empty pieces
            return memoryview(b"")
        width = np.dtype(np.int64 if pa.types.is_large_binary(result.type) else np.int32)
        ends = np.frombuffer(memoryview(offsets), width)
        return memoryview(data)[int(ends[0]) : int(ends[len(taken)])]

    def _raw_value(self, place: int) -> Indexes:
        """The piece of each row that is the value of a cut column."""
        return 2 * (self.rows * len(self.cuts) + place) + 1

    def _base(self, array: Pieces) -> int:
        if id(array) not in self.bases:
            self.bases[id(array)] = self.length
            self.arrays.append(array)
            self.length += len(array)
        return self.bases[id(array)]

    def _other(self, name: str) -> Column:
        return Column.of(self.block, self.grid, self._index(name))

    def _raw_piece(self, name: str) -> Taken:
        return Taken(self.raw, self._raw_value(self.cuts.index(self._index(name))))

    def _index(self, name: str) -> int:
        if name not in self.columns:
            raise ValueUnfit(0, name, "the rows come without this column, which decides about others")
        return self.columns.index(name)

    def _show(self, name: str, combined: Pieces, pieces: list[Indexes]) -> None:
        for parts in zip(*(piece.tolist() for piece in pieces), strict=True):
            fake = b"".join(combined[part].as_py() for part in parts)
            self.tally.show(name, decode(fake).decode("utf-8", "replace"))


_NOTHING = constant(b"")
