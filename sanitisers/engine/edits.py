"""What becomes of the values of a column: each edit answers with pieces, and the table takes them all at once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np

from sanitisers.engine.copy_text import NULL, encode
from sanitisers.engine.fakes import Fakes, Taken, constant, pool
from sanitisers.ruleset.words import TemplateField

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sanitisers.engine.choosing import Choosing
    from sanitisers.engine.fakes import Indexes
    from sanitisers.engine.grid import Column, Flags, Pieces
    from sanitisers.engine.tally import Tally
    from sanitisers.engine.values import Positions, Values
    from sanitisers.engine.watch import BoxWatch, DocumentWatch, Remains


@dataclass(frozen=True)
class Seen:
    """What an edit may look at.

    Attributes:
        column: the column to be replaced.
        rows: which of its values are to be replaced.
        other: gives another column of the block, by name.
        raw: gives the piece of each value of another column, by name.
        tally: where replacements are counted.
        watch: is shown what stands inside documents; None where nobody looks for leaks.
        boxes: the same for arrays, composites and hstores.
        origins: the rows of the table that the values stand in; None where each has one of its own.
        remains: is shown what an edit writes that is no fake, and may hold what was there; None where nobody looks.
    """

    column: Column
    rows: Flags
    other: Callable[[str], Column]
    raw: Callable[[str], Taken]
    tally: Tally
    watch: DocumentWatch | None = None
    boxes: BoxWatch | None = None
    origins: Positions | None = None
    remains: Remains | None = None

    @cached_property
    def originals(self) -> Values:
        """The values that are to be replaced, unescaped."""
        return self.column.only(self.rows)


class Edit(Protocol):
    """What becomes of the values of a column. Several threads may ask one edit at once."""

    @property
    def spares_empty(self) -> bool:
        """Whether the empty string stays."""

    @property
    def spares_null(self) -> bool:
        """Whether NULL stays."""

    @property
    def shows(self) -> bool:
        """Whether what it writes is a fake as a whole, and may be shown."""

    @property
    def needs(self) -> Sequence[str]:
        """Other columns that go into the fakes."""

    def pieces(self, seen: Seen) -> list[Taken]:
        """What stands in the place of the values, in parts that are written one behind the other.

        Each part has an index for every true of `seen.rows`, in their order, and its texts are as COPY writes them.
        Raises ValueUnfit, with the row counted in the block from 0, where a value is not what the rule was made for.
        """


@dataclass(frozen=True, slots=True)
class FakeEdit:
    """Fakes of a family, chosen by a keyed function of the original."""

    fakes: Fakes
    choosing: Choosing
    common: bool = False
    """Whether originals are what many people have in common, see Family."""
    spares_null: bool = True
    spares_empty: bool = True
    shows: bool = True
    needs: tuple[str, ...] = ()

    def pieces(self, seen: Seen) -> list[Taken]:
        """See Edit."""
        originals = seen.originals
        return self.fakes.parts(self.choosing.keyed(seen), originals.ends - originals.starts)


@dataclass(frozen=True, slots=True)
class ConstantEdit:
    """The same text everywhere, in COPY's spelling."""

    array: Pieces
    spares_null: bool = True
    spares_empty: bool = True
    shows: bool = True
    needs: tuple[str, ...] = ()

    @classmethod
    def of(cls, text: str | None, *, spares_null: bool = True) -> ConstantEdit:
        """A text, or NULL, which also takes the place of empty strings."""
        if text is None:
            return cls(constant(NULL), spares_empty=False, shows=False)
        return cls(constant(encode(text.encode())), spares_null=spares_null)

    def pieces(self, seen: Seen) -> list[Taken]:
        """See Edit."""
        return [Taken(self.array, np.zeros(int(seen.rows.sum()), np.int64))]


_ZEROS = pool([b"0" * count for count in range(100)])


class TemplateEdit:
    """Texts and values of other columns, which are all kept and never NULL.

    What it writes is made of what was there, so where there are other columns in it, the template itself is shown.
    """

    spares_empty = True

    def __init__(self, path: str, parts: Sequence[str | TemplateField], *, spares_null: bool = True) -> None:
        """Take where it is, for the report, and the parts of a template in order."""
        self.spares_null = spares_null
        self._path = path
        self.shows = all(isinstance(part, str) for part in parts)
        self._spelt = "".join(part if isinstance(part, str) else f"{{{part.column}}}" for part in parts)
        self._parts = [constant(encode(part.encode())) if isinstance(part, str) else part for part in parts]
        self.needs = tuple(part.column for part in parts if not isinstance(part, str))

    def pieces(self, seen: Seen) -> list[Taken]:
        """See Edit."""
        rows = np.flatnonzero(seen.rows)
        found: list[Taken] = []
        for part in self._parts:
            if isinstance(part, TemplateField):
                found += self._field(part, seen, rows)
            else:
                found.append(Taken(part, np.zeros(len(rows), np.int64)))
        if not self.shows:
            seen.tally.show(self._path, self._spelt)
        return found

    def _field(self, field: TemplateField, seen: Seen, rows: Indexes) -> list[Taken]:
        raw = seen.raw(field.column)
        value = Taken(raw.array, raw.indexes[rows])
        if not field.width:
            return [value]
        values = seen.other(field.column).values
        missing = field.width - (values.ends - values.starts)[rows]
        return [Taken(_ZEROS, np.maximum(missing, 0)), value]
