"""Which rows of a block a condition is true for, and which it is false for; for all others it is unknown, as in SQL."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sanitisers.engine.comparing import Odd, oddly_escaped
from sanitisers.engine.copy_text import encode
from sanitisers.engine.grid import unescaped
from sanitisers.engine.refused import ValueUnfit
from sanitisers.engine.values import Values

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sanitisers.engine.grid import Column, Flags, Pieces
    from sanitisers.engine.values import Positions

    Numbers: TypeAlias = Callable[[Values], Positions]
    """Reads values, none of which is NULL; raises Odd."""
    Texts: TypeAlias = Callable[[Values], Pieces]
    """The same, into an Arrow array."""

_LONGEST_ESCAPE = 4
"""Bytes that COPY takes for one, at most: a backslash and three octal digits."""
_OPERATORS = {
    "=": np.equal,
    "<>": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}


@dataclass(frozen=True, slots=True)
class Truth:
    """Of each row whether something is true, and whether it is false; where it is neither, it is unknown."""

    true: Flags
    false: Flags


class Rows:
    """The columns of a block by name, each read once."""

    def __init__(self, count: int, column: Callable[[str], Column]) -> None:
        """Take how many there are, and what gives a column."""
        self.count = count
        self._column = column
        self._columns: dict[str, Column] = {}
        self._numbers: dict[str, Positions] = {}

    def column(self, name: str) -> Column:
        """A column."""
        if name not in self._columns:
            self._columns[name] = self._column(name)
        return self._columns[name]

    def numbers(self, name: str, read: Numbers) -> Positions:
        """The numbers that the values of a column are; of NULL, nothing in particular. Raises ValueUnfit."""
        if name not in self._numbers:
            column = self.column(name)
            chosen = np.flatnonzero(~column.null)
            found = np.zeros(self.count, np.int64)
            try:
                found[chosen] = read(_plain(column, chosen))
            except Odd as odd:
                raise _unreadable(int(chosen[odd.index]), name) from None
            self._numbers[name] = found
        return self._numbers[name]


class Part(Protocol):
    """Something that is true, false or unknown of a row."""

    def decide(self, rows: Rows) -> Truth:
        """Its truth in each row; raises ValueUnfit."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A whole condition.

    Attributes:
        part: decides.
        columns: what it looks at.
    """

    part: Part
    columns: frozenset[str]

    def true(self, rows: Rows) -> Flags:
        """The rows that it is true for. Raises ValueUnfit."""
        return self.part.decide(rows).true

    def not_false(self, rows: Rows) -> Flags:
        """The rows that it is true or unknown for. Raises ValueUnfit."""
        return ~self.part.decide(rows).false


@dataclass(frozen=True, slots=True)
class Number:
    """A column compared with a number by one of = <> < <= > >=."""

    column: str
    read: Numbers
    operator: str
    number: int

    def decide(self, rows: Rows) -> Truth:
        """See Part."""
        found = _OPERATORS[self.operator](rows.numbers(self.column, self.read), self.number)
        return _known(found, rows.column(self.column).null)


@dataclass(frozen=True, slots=True)
class OneOfNumbers:
    """Whether a column is one of some numbers."""

    column: str
    read: Numbers
    numbers: tuple[int, ...]

    def decide(self, rows: Rows) -> Truth:
        """See Part."""
        found = np.isin(rows.numbers(self.column, self.read), np.array(self.numbers, np.int64))
        return _known(found, rows.column(self.column).null)


@dataclass(frozen=True, slots=True)
class OneOfTexts:
    """Whether a column is one of some texts, byte for byte; `strict` reads all its values, not only likely ones."""

    column: str
    read: Texts
    texts: tuple[bytes, ...]
    strict: bool = False

    def decide(self, rows: Rows) -> Truth:
        """See Part."""
        column = rows.column(self.column)
        chosen = np.flatnonzero(~column.null if self.strict else ~column.null & self._likely(column.values))
        found = np.zeros(rows.count, np.bool_)
        try:
            values = self.read(_plain(column, chosen))
        except Odd as odd:
            raise _unreadable(int(chosen[odd.index]), self.column) from None
        wanted = pa.array(self.texts, values.type)
        found[chosen] = pc.is_in(values, value_set=wanted).to_numpy(zero_copy_only=False)
        return _known(found, column.null)

    def _likely(self, values: Values) -> Flags:
        """Which values may be one of the texts, so that long ones with escapes need not be read for nothing."""
        lengths = values.ends - values.starts
        if all(encode(text) == text for text in self.texts):
            # Whoever writes them with an escape all the same, does so in another way than pg_dump would.
            likely = np.isin(lengths, [len(text) for text in self.texts])
            likely[oddly_escaped(values)] = True
            return likely
        shortest, longest = min(map(len, self.texts)), max(map(len, self.texts))
        return (lengths >= shortest) & (lengths <= _LONGEST_ESCAPE * longest)


@dataclass(frozen=True, slots=True)
class IsNull:
    """Whether a column is NULL."""

    column: str

    def decide(self, rows: Rows) -> Truth:
        """See Part."""
        null = rows.column(self.column).null
        return Truth(null, ~null)


@dataclass(frozen=True, slots=True)
class Has:
    """Whether a part is true, or false, or (where None is wanted) unknown."""

    part: Part
    wanted: bool | None

    def decide(self, rows: Rows) -> Truth:
        """See Part."""
        truth = self.part.decide(rows)
        has = {None: ~(truth.true | truth.false), True: truth.true, False: truth.false}[self.wanted]
        return Truth(has, ~has)


@dataclass(frozen=True, slots=True)
class Contrary:
    """False where the part is true, and true where it is false."""

    part: Part

    def decide(self, rows: Rows) -> Truth:
        """See Part."""
        truth = self.part.decide(rows)
        return Truth(truth.false, truth.true)


@dataclass(frozen=True, slots=True)
class AllOf:
    """True where all parts are, false where one is."""

    parts: Sequence[Part]

    def decide(self, rows: Rows) -> Truth:
        """See Part."""
        truths = [part.decide(rows) for part in self.parts]
        return Truth(
            reduce(np.logical_and, (truth.true for truth in truths)),
            reduce(np.logical_or, (truth.false for truth in truths)),
        )


def any_of(parts: Sequence[Part]) -> Part:
    """True where one part is, false where all are."""
    return Contrary(AllOf([Contrary(part) for part in parts]))


@dataclass(frozen=True, slots=True)
class Always:
    """The same for every row."""

    value: bool

    def decide(self, rows: Rows) -> Truth:
        """See Part."""
        always = np.full(rows.count, self.value, np.bool_)
        return Truth(always, ~always)


def _unreadable(row: int, column: str) -> ValueUnfit:
    what = "the value is not written as pg_dump writes it, so nothing can be said about its row"
    return ValueUnfit(row, column, what)


def _known(found: Flags, null: Flags) -> Truth:
    """What was found, unknown where the value is NULL."""
    return Truth(found & ~null, ~(found | null))


def _plain(column: Column, chosen: Positions) -> Values:
    """Some values without COPY's escapes."""
    values = column.values
    if len(chosen) == len(column.null):
        return unescaped(values)
    return unescaped(Values(values.buffer, values.starts.take(chosen), values.ends.take(chosen)))
