"""What is shown to the leak check of one table: the originals of its rules, and what stays as it is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from sanitisers.engine.boxes import BoxEdit
from sanitisers.engine.document_texts import appended
from sanitisers.engine.documents import DocumentEdit
from sanitisers.engine.edits import FakeEdit
from sanitisers.engine.grid import Column
from sanitisers.engine.redacting import RedactEdit
from sanitisers.engine.remaking import FunctionEdit, NoiseEdit, ShiftEdit
from sanitisers.engine.shapes import UNREAD, Box, Plain, kept_texts, original_texts, slots_in
from sanitisers.engine.values import Values

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sanitisers.engine.box_text import BoxForm
    from sanitisers.engine.boxes import Inner
    from sanitisers.engine.edits import Edit, Seen
    from sanitisers.engine.grid import Flags
    from sanitisers.engine.shapes import Shape
    from sanitisers.engine.values import Bytes, Positions

NOWHERE = -1
"""The place of what nobody wants to know."""


class Check(Protocol):
    """Remembers what it is shown, which several threads may do. Places are numbers it has given out."""

    def original(self, table: str, path: str, *, common: bool = False) -> int:
        """The place of originals."""

    def kept(self, table: str, path: str) -> int:
        """The place of what stays."""

    def look(self, values: Values, places: Positions | int, rows: Positions | None = None) -> None:
        """Take values, all of one place or each of its own; `rows` are those they stand in, else each has its own.

        Between them and behind the last is something else than what a word or a number may hold.
        """


@dataclass(frozen=True, slots=True)
class Remains:
    """The two places of what an edit leaves of a text, and of what it takes out.

    Attributes:
        check: is shown it.
    """

    check: Check
    _stays: int
    _cut: int

    @classmethod
    def of(cls, check: Check, table: str, path: str) -> Remains:
        """Those of a column, or of a path in a document."""
        return cls(check, check.kept(table, path), check.original(table, path))

    def stays(self, texts: Sequence[bytes]) -> None:
        """Show what goes on."""
        self.check.look(appended(Values.of([]), list(texts)), self._stays)

    def cut(self, texts: Sequence[bytes], rows: Positions) -> None:
        """Show what was taken out, each of its row."""
        self.check.look(appended(Values.of([]), list(texts)), self._cut, rows)


@dataclass(frozen=True, slots=True)
class DocumentWatch:
    """The places in the documents of a column.

    Attributes:
        check: is shown what is found.
        leaves: the places of the originals of each leaf.
        kept: the places of what each kept node leaves as it is.
        nulled: the place of originals that become null.
        keys: the place of keys that no rule names, and that go on.
        remains: the places of leaves of which only a part goes, by their indexes.
        nowhere: the place of all else.
        rows: what rows of the table the documents stand in; None where each has one of its own.
    """

    check: Check
    leaves: Positions
    kept: Positions
    nulled: int
    keys: int
    remains: Mapping[int, Remains]
    nowhere: int = NOWHERE
    rows: Positions | None = None

    @classmethod
    def of(cls, check: Check, table: str, column: str, edit: DocumentEdit) -> DocumentWatch:
        """The places that an edit has."""
        leaves = [
            NOWHERE if leaf.own or leaf.near else check.original(table, leaf.path, common=leaf.common)
            for leaf in edit.leaves
        ]
        kept = [check.kept(table, path) for path in edit.kept]
        return cls(
            check,
            np.array(leaves, np.int64),
            np.array(kept, np.int64),
            check.original(table, column),
            check.kept(table, column),
            {leaf.index: Remains.of(check, table, leaf.path) for leaf in edit.leaves if leaf.own},
        )

    def in_rows(self, origins: Positions | None, which: Positions) -> DocumentWatch:
        """The same for those documents with these indexes, all of which stand in these rows of the table."""
        return self if origins is None else replace(self, rows=origins.take(which))

    def rows_of(self, documents: Positions) -> Positions:
        """The rows that documents stand in."""
        return documents if self.rows is None else self.rows.take(documents)


@dataclass(frozen=True, slots=True)
class SlotWatch:
    """The places in one slot of the boxes of a column.

    Attributes:
        check: is shown what is found.
        place: of what stands there, unless that is looked into by its own edit.
        stays: whether it stays as it is; else it is one of originals.
        names: the place of keys that no rule names, and that go on.
        shape: what its values are made of.
        documents: the places inside, where the edit writes documents.
        boxes: the same where the slot has boxes of its own.
        remains: the places of what an edit leaves, where it is no fake as a whole.
    """

    check: Check
    place: int
    stays: bool
    names: int
    shape: Shape
    documents: DocumentWatch | None = None
    boxes: BoxWatch | None = None
    remains: Remains | None = None

    @classmethod
    def of(cls, check: Check, table: str, box: BoxEdit, inner: Inner) -> SlotWatch:
        """The places that what becomes of one slot has."""
        if inner.edit is None:
            place = check.kept(table, inner.path)
            return cls(check, place, stays=True, names=place, shape=inner.shape)
        names = check.kept(table, box.path)
        if isinstance(inner.edit, DocumentEdit):
            documents = DocumentWatch.of(check, table, inner.path, inner.edit)
            return cls(check, NOWHERE, stays=False, names=names, shape=inner.shape, documents=documents)
        if isinstance(inner.edit, BoxEdit):
            boxes = BoxWatch.of(check, table, inner.edit)
            return cls(check, NOWHERE, stays=False, names=names, shape=inner.shape, boxes=boxes)
        if isinstance(inner.edit, RedactEdit):
            remains = Remains.of(check, table, inner.path)
            return cls(check, NOWHERE, stays=False, names=names, shape=inner.shape, remains=remains)
        place = _original(check, table, inner.path, inner.edit)
        of_function = Remains.of(check, table, inner.path) if isinstance(inner.edit, FunctionEdit) else None
        return cls(check, place, stays=False, names=names, shape=inner.shape, remains=of_function)

    def look(self, column: Column, rows: Flags, origins: Positions) -> None:
        """Look at some values of a slot, which stand in these rows of the table."""
        if self.place == NOWHERE:
            return
        if self.stays:
            for texts in kept_texts(self.shape, column, rows):
                self.check.look(texts, self.place)
        else:
            texts, own = original_texts(self.shape, column, rows)
            self.check.look(texts, self.place, origins.take(own))


@dataclass(frozen=True, slots=True)
class BoxWatch:
    """The places in the boxes of a column, slot by slot.

    Attributes:
        check: is shown what is found.
        form: how the boxes are written.
        slots: the places in each, in their order.
    """

    check: Check
    form: BoxForm
    slots: Sequence[SlotWatch]

    @classmethod
    def of(cls, check: Check, table: str, edit: BoxEdit) -> BoxWatch:
        """The places that an edit has."""
        return cls(check, edit.form, [SlotWatch.of(check, table, edit, inner) for inner in edit.inners])

    def dropped(self, column: Column, rows: Flags, origins: Positions) -> None:
        """Look at the originals in some values of rows that do not go on, which are these of the table."""
        for slot, inside, owners in slots_in(self.form, len(self.slots), column, rows):
            watch = self.slots[slot] if slot != UNREAD else None
            if watch is None or watch.stays or not (wanted := ~inside.empty).any():
                continue
            if watch.boxes is not None:
                watch.boxes.dropped(inside, wanted, origins.take(owners))
            else:
                watch.look(inside, wanted, origins.take(owners))

    def names(self, found: Sequence[tuple[int, bytes]]) -> None:
        """Look at keys that no rule names, each with its slot."""
        texts = appended(Values.of([]), [name for _, name in found])
        self.check.look(texts, np.array([self.slots[slot].names for slot, _ in found], np.int64))


def _original(check: Check, table: str, path: str, edit: Edit) -> int:
    """The place of the originals of an edit; of dates and amounts that move nobody wants to know."""
    if isinstance(edit, ShiftEdit | NoiseEdit):
        return NOWHERE
    return check.original(table, path, common=isinstance(edit, FakeEdit) and edit.common)


class Watch:
    """The places in a table."""

    def __init__(
        self,
        check: Check,
        table: str,
        columns: Sequence[str],
        edits: Mapping[str, Edit],
        kept: Mapping[str, Shape],
        replaced: Mapping[str, Shape],
    ) -> None:
        """Take the columns in the order of the rows; `kept` are those that are to be looked at of what stays."""
        self._check = check
        self._columns = tuple(columns)
        self._shapes = replaced
        self.documents: dict[str, DocumentWatch] = {}
        self.remains: dict[str, Remains] = {}
        self.boxes: dict[str, BoxWatch] = {}
        self._originals: dict[str, int] = {}
        for name in columns:
            edit = edits.get(name)
            if isinstance(edit, DocumentEdit):
                self.documents[name] = DocumentWatch.of(check, table, name, edit)
            elif isinstance(edit, RedactEdit):
                self.remains[name] = Remains.of(check, table, name)
            elif isinstance(edit, BoxEdit):
                self.boxes[name] = BoxWatch.of(check, table, edit)
            elif edit is not None:
                self._originals[name] = _original(check, table, name, edit)
                if isinstance(edit, FunctionEdit):
                    self.remains[name] = Remains.of(check, table, name)
        self._kept = [(i, check.kept(table, name), kept[name]) for i, name in enumerate(columns) if name in kept]

    @property
    def keeps(self) -> bool:
        """Whether anything that stays is to be looked at."""
        return any(place != NOWHERE for _, place, _ in self._kept)

    def replaced(self, name: str, seen: Seen) -> None:
        """Look at the originals of a column; those inside documents and boxes are shown by the edit itself."""
        place = self._originals.get(name, NOWHERE)
        if place == NOWHERE:
            return
        shape = self._shapes.get(name, Plain.TEXT)
        if not isinstance(shape, Box):
            self._check.look(seen.originals, place)
            return
        texts, rows = original_texts(shape, seen.column, seen.rows)
        self._check.look(texts, place, rows)

    def dropped(self, block: Bytes, grid: Positions, rows: Flags) -> None:
        """Look at the originals of rows that do not go on, whose people may be named elsewhere; not into documents."""
        for index, name in enumerate(self._columns):
            place, boxes = self._originals.get(name, NOWHERE), self.boxes.get(name)
            if place == NOWHERE and boxes is None:
                continue
            column = Column.of(block, grid, index)
            wanted = rows & ~(column.null | column.empty)
            if boxes is not None and wanted.any():
                boxes.dropped(column, wanted, np.arange(len(rows)))
            elif wanted.any():
                texts, own = original_texts(self._shapes.get(name, Plain.TEXT), column, wanted)
                self._check.look(texts, place, own)

    def stays(self, block: Bytes, grid: Positions) -> None:
        """Look at the columns of a block that stay as they are."""
        for index, place, shape in self._kept:
            if place == NOWHERE:
                continue
            column = Column.of(block, grid, index)
            rows = ~(column.null | column.empty)
            if rows.any():
                for texts in kept_texts(shape, column, rows):
                    self._check.look(texts, place)
