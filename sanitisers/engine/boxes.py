"""Arrays, composites and hstores, element by element: what is inside goes through the edit that it would have outside.

All elements of a block make one column, so that each edit works on many values at once, and the same original has the
same fake wherever it stands. What holds them together (braces, bounds, commas, keys, NULLs) goes on as it is.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn, cast

import numpy as np
import pyarrow as pa

from sanitisers.engine.box_text import NotAsWritten
from sanitisers.engine.copy_text import encode
from sanitisers.engine.edits import Edit, Seen
from sanitisers.engine.fakes import Taken, pool
from sanitisers.engine.flat_writing import FlatWriting
from sanitisers.engine.grid import Column
from sanitisers.engine.refused import ValueUnfit
from sanitisers.engine.shapes import elements, flat_of, texts_from, texts_of
from sanitisers.engine.tally import SAMPLES
from sanitisers.engine.values import Values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sanitisers.engine.box_text import BoxForm
    from sanitisers.engine.grid import Pieces
    from sanitisers.engine.shapes import Shape
    from sanitisers.engine.values import Positions


@dataclass(frozen=True, slots=True)
class Inner:
    """What becomes of one slot of a box.

    Attributes:
        path: where it is, for messages and the report: `tags[]`, `address.city`.
        edit: what replaces it; None where it stays. It writes no other columns.
        shape: what it is made of.
    """

    path: str
    edit: Edit | None
    shape: Shape


class BoxEdit:
    """The boxes of a column, slot by slot."""

    spares_null = True
    shows = False
    needs = ()

    def __init__(self, path: str, form: BoxForm, what: str, inners: Sequence[Inner]) -> None:
        """Take where the column is, how it is written and what that is called, and the slots in their order."""
        self.path, self.inners = path, inners
        self.spares_empty = form.empty
        self.form, self._what = form, what

    def pieces(self, seen: Seen) -> list[Taken]:
        """See Edit. Raises ValueUnfit for values that are not written as those of their type are."""
        rows = np.flatnonzero(seen.rows)
        taken = flat_of(self.form, seen.column, rows)
        if taken is None:
            texts = self._one_by_one(rows, seen)
            return [Taken(texts, np.arange(len(rows), dtype=np.int64))]
        flat, marks = taken
        writing = FlatWriting(self.form, marks, flat)
        for slot, inner in enumerate(self.inners):
            own = flat.of_slot(slot, marks)
            replaced = self._replaced(slot, inner, flat.inside(own), rows.take(flat.owners(own)), seen)
            if replaced is not None:
                writing.put(own.take(replaced[0]), replaced[1])
        others = np.delete(np.arange(len(rows)), flat.which)
        texts = pa.concat_arrays([writing.boxes(), self._one_by_one(rows.take(others), seen)])
        indexes = np.empty(len(rows), np.int64)
        indexes[np.append(flat.which, others)] = np.arange(len(rows))
        return [Taken(texts, indexes)]

    def _one_by_one(self, rows: Positions, seen: Seen) -> Pieces:
        """What becomes of the values of some rows, in the exact way."""
        opened = _Boxes(self.form)
        for row, text in texts_of(seen.column, rows):
            try:
                opened.add(row, text)
            except NotAsWritten:
                raise ValueUnfit(row, self.path, f"the value is not {self._what} as PostgreSQL writes it") from None
        if seen.boxes and opened.names:
            seen.boxes.names(opened.names)
        for slot, inner in enumerate(self.inners):
            own = opened.of_slot(slot)
            column = elements(opened.values[i] for i in own)
            owners = np.array([opened.owners[i] for i in own], np.int64)
            replaced = self._replaced(slot, inner, column, owners, seen)
            if replaced is not None:
                texts = texts_from([_taken(part) for part in replaced[1]])
                for index, new in zip(replaced[0].tolist(), texts, strict=True):
                    opened.values[own[index]] = new
        return pool(opened.written())

    def _replaced(
        self, slot: int, inner: Inner, column: Column, owners: Positions, seen: Seen
    ) -> tuple[Positions, list[Taken]] | None:
        """Which values of one slot, none of which is NULL, are replaced, and by what; `owners` are their rows."""
        watch = seen.boxes.slots[slot] if seen.boxes else None
        rows = ~column.empty if inner.edit is None or inner.edit.spares_empty else ~column.null
        chosen = np.flatnonzero(rows)
        if not len(chosen) or (inner.edit is None and watch is None):
            return None
        origins = owners if seen.origins is None else seen.origins.take(owners)
        found = None
        if inner.edit is not None:
            inside = Seen(
                column,
                rows,
                lambda name: _of_owners(seen.other(name), owners),
                _no_other,
                seen.tally,
                watch.documents if watch else None,
                watch.boxes if watch else None,
                origins,
                watch.remains if watch else None,
            )
            try:
                found = inner.edit.pieces(inside)
            except ValueUnfit as unfit:
                raise ValueUnfit(int(owners[unfit.row]), unfit.column, unfit.what) from None
            seen.tally.count(inner.path, len(chosen))
            if inner.edit.shows:
                for fake in texts_from([_taken(Taken(part.array, part.indexes[:SAMPLES])) for part in found]):
                    seen.tally.show(inner.path, (fake or b"").decode("utf-8", "replace"))
        if watch:
            watch.look(column, rows, origins)
        return None if found is None else (chosen, found)


class _Boxes:
    """The boxes of a block taken apart, their values end to end."""

    def __init__(self, form: BoxForm) -> None:
        self.values: list[bytes | None] = []
        self.owners: list[int] = []
        self.names: list[tuple[int, bytes]] = []
        self.form = form
        self._of_slots: defaultdict[int, list[int]] = defaultdict(list)
        self._parts: list[list[bytes]] = []

    def add(self, row: int, text: bytes) -> None:
        """Take one apart. Raises NotAsWritten."""
        opened = self.form.open(text)
        for index, slot in enumerate(opened.slots, len(self.values)):
            self._of_slots[slot].append(index)
        self.values += opened.values
        self.owners += [row] * len(opened.values)
        self.names += opened.names
        self._parts.append(opened.parts)

    def of_slot(self, slot: int) -> list[int]:
        """The indexes of its values that are not NULL."""
        return [index for index in self._of_slots[slot] if self.values[index] is not None]

    def written(self) -> list[bytes]:
        """The boxes put together again, as COPY text."""
        write = self.form.write
        texts = [write(value) for value in self.values]
        boxes: list[bytes] = []
        start = 0
        for parts in self._parts:
            end = start + len(parts) - 1
            inside = [piece for pair in zip(parts, texts[start:end], strict=False) for piece in pair]
            boxes.append(encode(b"".join([*inside, parts[-1]])))
            start = end
        return boxes


def _of_owners(column: Column, owners: Positions) -> Column:
    """Another column of the table, its value once for each value inside of the boxes of its row."""
    values = Values(column.values.buffer, column.values.starts.take(owners), column.values.ends.take(owners))
    return Column(values, column.null.take(owners), column.empty.take(owners))


def _taken(part: Taken) -> list[bytes]:
    return cast("list[bytes]", part.array.take(pa.array(part.indexes, pa.int64())).to_pylist())


def _no_other(name: str) -> NoReturn:
    raise AssertionError("an edit inside of a box writes no other column")
