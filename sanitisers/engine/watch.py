"""What is shown to the leak check of one table: the originals of its rules, and what stays as it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from sanitisers.engine.document_texts import appended
from sanitisers.engine.documents import DocumentEdit
from sanitisers.engine.edits import FakeEdit
from sanitisers.engine.grid import Column
from sanitisers.engine.kept_documents import strings_of
from sanitisers.engine.prf import Values
from sanitisers.engine.redacting import RedactEdit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sanitisers.engine.edits import Edit, Seen
    from sanitisers.engine.prf import Bytes, Positions

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
    """

    check: Check
    leaves: Positions
    kept: Positions
    nulled: int
    keys: int
    remains: Mapping[int, Remains]
    nowhere: int = NOWHERE

    @classmethod
    def of(cls, check: Check, table: str, column: str, edit: DocumentEdit) -> DocumentWatch:
        """The places that an edit has."""
        leaves = [NOWHERE if leaf.own else check.original(table, leaf.path, common=leaf.common) for leaf in edit.leaves]
        kept = [check.kept(table, path) for path in edit.kept]
        return cls(
            check,
            np.array(leaves, np.int64),
            np.array(kept, np.int64),
            check.original(table, column),
            check.kept(table, column),
            {leaf.index: Remains.of(check, table, leaf.path) for leaf in edit.leaves if leaf.own},
        )


class Watch:
    """The places in a table."""

    def __init__(
        self,
        check: Check,
        table: str,
        columns: Sequence[str],
        edits: Mapping[str, Edit],
        kept: Mapping[str, bool],
    ) -> None:
        """Take the columns in the order of the rows; `kept` says of those to be looked at whether they are JSON."""
        self._check = check
        self.documents: dict[str, DocumentWatch] = {}
        self.remains: dict[str, Remains] = {}
        self._originals: dict[str, int] = {}
        for name in columns:
            edit = edits.get(name)
            if isinstance(edit, DocumentEdit):
                self.documents[name] = DocumentWatch.of(check, table, name, edit)
            elif isinstance(edit, RedactEdit):
                self.remains[name] = Remains.of(check, table, name)
            elif edit is not None:
                common = isinstance(edit, FakeEdit) and edit.common
                self._originals[name] = check.original(table, name, common=common)
        self._kept = [(i, check.kept(table, name), kept[name]) for i, name in enumerate(columns) if name in kept]

    @property
    def keeps(self) -> bool:
        """Whether anything that stays is to be looked at."""
        return any(place != NOWHERE for _, place, _ in self._kept)

    def replaced(self, name: str, seen: Seen) -> None:
        """Look at the originals of a column; those inside documents are shown by the edit itself."""
        place = self._originals.get(name, NOWHERE)
        if place != NOWHERE:
            self._check.look(seen.originals, place)

    def stays(self, block: Bytes, grid: Positions) -> None:
        """Look at the columns of a block that stay as they are."""
        for index, place, is_json in self._kept:
            if place == NOWHERE:
                continue
            column = Column.of(block, grid, index)
            rows = ~(column.null | column.empty)
            if rows.any():
                self._check.look(strings_of(column.values, rows) if is_json else column.only(rows), place)
