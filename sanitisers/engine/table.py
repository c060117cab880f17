"""One table's rows, sanitised block by block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sanitisers.engine.deciding import Rows
from sanitisers.engine.grid import Column, Ragged, separators
from sanitisers.engine.lines import only_lines
from sanitisers.engine.piecing import ToDo, Work
from sanitisers.engine.refused import ValueUnfit
from sanitisers.errors import BlockError, ValueRefused

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sanitisers.engine.deciding import Condition
    from sanitisers.engine.edits import Edit
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
        tally: what was done.
    """

    rows: bytes | memoryview
    count_in: int
    count_out: int
    tally: Tally


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
        self._watch = watch if not empties else None
        self._todo = ToDo.of(columns, edits, self._watch)
        self._tally = tally
        self.empties = empties
        self._staying = staying
        self.passes = not empties and not self._todo.edits and staying is None
        self.watched = self._watch is not None and self._watch.keeps

    def apply(self, rows: bytes | memoryview, first_row: int = 1) -> Block:
        """Sanitise a block of whole COPY lines, the first of which is row `first_row` of the table.

        Raises BlockError where a line has not one value for each column, and ValueRefused where a value is not
        what its rule was made for. May be called by several threads at once.
        """
        tally = self._tally.of_block()
        if self.passes or self.empties:
            count = bytes(rows).count(b"\n") if isinstance(rows, memoryview) else rows.count(b"\n")
            block = Block(b"" if self.empties else rows, count, 0 if self.empties else count, tally)
        else:
            block = self._in_parts(rows, first_row, tally)
        tally.rows_in, tally.rows_out = block.count_in, block.count_out
        self._tally.add(tally)
        return block

    def count(self, tally: Tally) -> None:
        """Count what was done to a block elsewhere."""
        self._tally.add(tally)

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
        return Block(done[0] if len(done) == 1 else b"".join(done), count_in, count_out, tally)

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
                return Block(b"", count, 0, tally)
            sanitised = Work(self._todo, rows, grid, tally).done() if self._todo.edits else rows
        except ValueUnfit as refused:
            row = first_row + (refused.row if chosen is None else int(chosen[refused.row]))
            raise ValueRefused(self._table, row, refused.column, refused.what) from None
        if self._watch:
            self._watch.stays(np.frombuffer(rows, np.uint8), grid)
        return Block(sanitised, count, len(grid), tally)

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
