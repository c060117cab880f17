"""One table's rows, sanitised block by block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
import pyarrow as pa

from sanitisers.engine.copy_text import decode
from sanitisers.engine.deciding import Rows
from sanitisers.engine.edits import Seen, TemplateEdit
from sanitisers.engine.fakes import Taken, constant
from sanitisers.engine.grid import Column, Ragged, pieces_of, separators
from sanitisers.engine.lines import only_lines
from sanitisers.engine.refused import ValueUnfit
from sanitisers.engine.tally import SAMPLES
from sanitisers.errors import BlockError, ValueRefused

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sanitisers.engine.deciding import Condition
    from sanitisers.engine.edits import Edit
    from sanitisers.engine.fakes import Indexes
    from sanitisers.engine.grid import Pieces
    from sanitisers.engine.tally import SharedTally, Tally
    from sanitisers.engine.values import Bytes, Positions
    from sanitisers.engine.watch import Watch

# A larger block is worked off in parts of about this many bytes: they fit the cache, and memory stays flat.
PART = 4 << 20


@dataclass(frozen=True, slots=True)
class Block:
    """What goes on in place of a block.

    Attributes:
        rows: whole COPY lines.
        count_in: how many lines there were.
        count_out: how many there are now.
    """

    rows: bytes | memoryview
    count_in: int
    count_out: int


class TableSanitiser:
    """Sanitises the rows of one table, whose columns come in a fixed order.

    Attributes:
        passes: there is nothing to do, the bytes may go on as they are.
        watched: something of what stays is to be looked at for leaks; where the table passes, by `look`.
        empties: no row goes on.
    """

    def __init__(
        self,
        table: str,
        columns: Sequence[str],
        edits: Mapping[str, Edit],
        tally: SharedTally,
        *,
        empties: bool,
        watch: Watch | None = None,
        staying: Condition | None = None,
    ) -> None:
        """Take the columns in the order of the rows, an edit for each that does not stay as it is, and who watches.

        Where there is a condition, the rows that it is true for go on.
        """
        self._table = table
        self._columns = tuple(columns)
        self._edits = {name: edits[name] for name in columns if name in edits}
        needed = {other for edit in self._edits.values() for other in edit.needs}
        self._cuts = [i for i, name in enumerate(columns) if name in self._edits or name in needed]
        self._tally = tally
        self.empties = empties
        self._staying = staying
        self.passes = not empties and not self._edits and staying is None
        self._watch = watch if not empties else None
        self.watched = self._watch is not None and self._watch.keeps

    def apply(self, rows: bytes | memoryview, first_row: int = 1) -> Block:
        """Sanitise a block of whole COPY lines, the first of which is row `first_row` of the table.

        Raises BlockError where a line has not one value for each column, and ValueRefused where a value is not
        what its rule was made for. May be called by several threads at once.
        """
        tally = self._tally.of_block()
        if self.passes or self.empties:
            count = bytes(rows).count(b"\n") if isinstance(rows, memoryview) else rows.count(b"\n")
            block = Block(b"" if self.empties else rows, count, 0 if self.empties else count)
        else:
            block = self._in_parts(rows, first_row, tally)
        tally.rows_in, tally.rows_out = block.count_in, block.count_out
        self._tally.add(tally)
        return block

    def look(self, rows: bytes | memoryview, first_row: int = 1) -> None:
        """Look for leaks in a block of a table that passes. Raises BlockError, as `apply` does."""
        count = 0
        for part in _parts(rows):
            block = np.frombuffer(part, np.uint8)
            grid = self._grid(block, first_row + count)
            if self._watch is not None and len(grid):
                self._watch.stays(block, grid)
            count += len(grid)

    def _grid(self, block: Bytes, first_row: int) -> Positions:
        try:
            return separators(block, len(self._columns))
        except Ragged as ragged:
            raise BlockError(self._table, first_row + ragged.row, ragged.what) from None

    def _in_parts(self, rows: bytes | memoryview, first_row: int, tally: Tally) -> Block:
        done: list[bytes | memoryview] = []
        count_in = count_out = 0
        for part in _parts(rows):
            block = self._part(part, first_row + count_in, tally)
            done.append(block.rows)
            count_in += block.count_in
            count_out += block.count_out
        return Block(done[0] if len(done) == 1 else b"".join(done), count_in, count_out)

    def _part(self, rows: bytes | memoryview, first_row: int, tally: Tally) -> Block:
        grid = self._grid(np.frombuffer(rows, np.uint8), first_row)
        count = len(grid)
        chosen: Positions | None = None
        try:
            if self._staying is not None and count:
                chosen = self._chosen(rows, grid, self._staying)
                if 0 < len(chosen) < count:
                    rows, grid = only_lines(rows, grid, chosen)
                grid = grid[: len(chosen)]
            if not len(grid):
                return Block(b"", count, 0)
            sanitised = _Work(self, rows, grid, tally).done() if self._edits else rows
        except ValueUnfit as refused:
            row = first_row + (refused.row if chosen is None else int(chosen[refused.row]))
            raise ValueRefused(self._table, row, refused.column, refused.what) from None
        if self._watch:
            self._watch.stays(np.frombuffer(rows, np.uint8), grid)
        return Block(sanitised, count, len(grid))

    def _chosen(self, rows: bytes | memoryview, grid: Positions, staying: Condition) -> Positions:
        """Which rows go on. What rules would have replaced in the others is looked for in what stays all the same."""
        block = np.frombuffer(rows, np.uint8)
        stays = staying.true(Rows(len(grid), lambda name: Column.of(block, grid, self._columns.index(name))))
        if self._watch and not stays.all():
            self._watch.dropped(block, grid, ~stays)
        return np.flatnonzero(stays)


def _parts(rows: bytes | memoryview) -> Iterator[bytes | memoryview]:
    """A large block as parts of whole lines."""
    if len(rows) <= 2 * PART:
        yield rows
        return
    whole = bytes(rows)
    start = 0
    while start < len(whole):
        end = whole.find(b"\n", start + PART) + 1 or len(whole)
        yield memoryview(whole)[start:end]
        start = end


class _Work:
    """One block on its way through: what its pieces are, and the order in which they are taken."""

    def __init__(self, table: TableSanitiser, rows: bytes | memoryview, grid: Positions, tally: Tally) -> None:
        self.columns, self.edits, self.cuts, self.watch = table._columns, table._edits, table._cuts, table._watch
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
            elif isinstance(edit, TemplateEdit):
                self.tally.show(name, edit.spelt)
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
