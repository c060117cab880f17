"""A predicate held against the columns of a table: what the engine decides, or why it cannot."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sanitisers.columns import Kind, bare_type, is_citext, is_hstore, kind
from sanitisers.engine import comparing, deciding
from sanitisers.near import did_you_mean
from sanitisers.predicate import tree

if TYPE_CHECKING:
    from sanitisers.columns import ColumnLike
    from sanitisers.engine.values import Positions, Values

_TRUTHS = {
    **dict.fromkeys(("t", "true", "y", "yes", "on", "1"), 1),
    **dict.fromkeys(("f", "false", "n", "no", "off", "0"), 0),
}
_SIZES = {"smallint": 15, "integer": 31, "bigint": 63}
"""Bits beside the sign."""
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_MANY_LABELS = 8


class Unfit(Exception):
    """A predicate does not fit the columns."""


@dataclass(frozen=True, slots=True)
class _Numbers:
    """A type whose values are numbers to the engine."""

    read: Callable[[Values], Positions]
    number: Callable[[ColumnLike, tree.Value], int]


def fitted(predicate: tree.Predicate, columns: Sequence[ColumnLike]) -> deciding.Condition:
    """What decides about rows with these columns; raises Unfit."""
    fitting = _Fitting({column.name: column for column in columns})
    return deciding.Condition(fitting.part(predicate), frozenset(fitting.used))


class _Fitting:
    """A tree on its way, and the columns that it has named so far."""

    def __init__(self, columns: Mapping[str, ColumnLike]) -> None:
        self._columns = columns
        self.used: set[str] = set()

    def part(self, part: tree.Predicate) -> deciding.Part:
        match part:
            case tree.Compared(column=name, operator=operator, value=value):
                return self._compared(self._column(name), operator, value)
            case tree.Among(column=name, values=values):
                return self._among(self._column(name), values)
            case tree.Null(column=name):
                return deciding.IsNull(_whole(self._column(name)))
            case tree.Bare(column=name):
                return self._bare(self._column(name))
            case tree.Always(value=always):
                return deciding.Always(always)
            case tree.Is(part=inner, wanted=wanted):
                return deciding.Has(self.part(inner), wanted)
            case tree.Not(part=inner):
                return deciding.Contrary(self.part(inner))
            case tree.And(parts=parts):
                return deciding.AllOf([self.part(one) for one in parts])
            case tree.Or(parts=parts):
                return deciding.any_of([self.part(one) for one in parts])

    def _column(self, name: str) -> ColumnLike:
        column = self._columns.get(name)
        if column is None:
            raise Unfit(f"the table has no column `{name}`{did_you_mean(name, self._columns)}")
        if column.generated:
            raise Unfit(f"the server computes `{name}`, so its values are not in the dump")
        self.used.add(name)
        return column

    def _compared(self, column: ColumnLike, operator: str, value: tree.Value) -> deciding.Part:
        numbers = _numbers(column)
        if numbers is not None:
            return deciding.Number(column.name, numbers.read, operator, numbers.number(column, value))
        if operator not in ("=", "<>"):
            raise Unfit(
                f"`{operator}` is for numbers and dates; `{column.name}` is {column.type}, with an order of its own"
            )
        same = self._among(column, (value,))
        return same if operator == "=" else deciding.Contrary(same)

    def _among(self, column: ColumnLike, values: Sequence[tree.Value]) -> deciding.Part:
        numbers = _numbers(column)
        if numbers is not None:
            wanted = tuple(numbers.number(column, value) for value in values)
            return deciding.OneOfNumbers(column.name, numbers.read, wanted)
        texts = tuple(_text(column, value) for value in values)
        if bare_type(column) == "uuid":
            return deciding.OneOfTexts(column.name, comparing.uuids, texts, strict=True)
        return deciding.OneOfTexts(column.name, comparing.texts, texts)

    def _bare(self, column: ColumnLike) -> deciding.Part:
        if bare_type(column) != "boolean":
            raise Unfit(f"`{column.name}` is {column.type} and no boolean, so by itself it is no condition")
        return deciding.Number(column.name, comparing.booleans, "=", 1)


def _whole(column: ColumnLike) -> str:
    """A column that is NULL exactly where the dump says so; a composite is where all of its fields are, too.

    Types that are not the server's own, composites among them, are written with their schema.
    """
    strange = kind(column) is Kind.UNKNOWN and "." in (column.base or column.type) and not is_hstore(column)
    if column.fields or strange:
        raise Unfit(f"whether a {column.type} is NULL may depend on what is in it, so `{column.name}` is not looked at")
    return column.name


def _numbers(column: ColumnLike) -> _Numbers | None:
    """How values of the column's type are read as numbers; None where they are not."""
    return None if column.enum else _OF_TYPES.get(bare_type(column))


def _text(column: ColumnLike, value: tree.Value) -> bytes:
    """What the column would hold, as bytes."""
    if not (column.enum or bare_type(column) in ("text", "character varying", "uuid")):
        why = ": capital letters count for small ones" if is_citext(column) else _WHY.get(bare_type(column), "")
        raise Unfit(f"nothing is compared with a {column.type} here, as `{column.name}` is{why}")
    if not isinstance(value, str):
        raise _mismatch(column)
    if column.enum:
        if column.labels and value not in column.labels:
            near = did_you_mean(value, column.labels)
            few = f"; its labels are {', '.join(column.labels)}" if len(column.labels) <= _MANY_LABELS else ""
            raise Unfit(f"`{value}` is no label of {column.type}, the type of `{column.name}`{near or few}")
    elif bare_type(column) == "uuid":
        if _UUID.fullmatch(value) is None:
            raise _mismatch(column)
        value = value.lower()
    elif column.collated:
        raise Unfit(f"`{column.name}` has a collation of its own, which may take different texts for equal")
    try:
        text = value.encode()
    except UnicodeEncodeError:
        raise _mismatch(column) from None
    if b"\0" in text:
        raise _mismatch(column)
    return text


def _integer(column: ColumnLike, value: tree.Value) -> int:
    if isinstance(value, bool):
        raise _mismatch(column)
    bits = _SIZES[bare_type(column)] if isinstance(value, str) else _SIZES["bigint"]
    try:
        number = comparing.integer(str(value))
    except ValueError:
        raise _mismatch(column) from None
    if not -(1 << bits) <= number < 1 << bits:
        raise _mismatch(column)
    return number


def _boolean(column: ColumnLike, value: tree.Value) -> int:
    if isinstance(value, bool):
        return int(value)
    if not isinstance(value, str) or value.lower() not in _TRUTHS:
        raise _mismatch(column)
    return _TRUTHS[value.lower()]


def _moment(read: Callable[[str], int]) -> Callable[[ColumnLike, tree.Value], int]:
    def number(column: ColumnLike, value: tree.Value) -> int:
        try:
            if not isinstance(value, str) or not comparing.FIRST_YEAR <= int(value[:4]) <= comparing.LAST_YEAR:
                raise _mismatch(column)
            found = read(value)
        except ValueError:
            raise _mismatch(column) from None
        if found in (comparing.BEFORE_ALL, comparing.AFTER_ALL):  # with what is as far away it cannot be compared
            raise _mismatch(column)
        return found

    return number


_OF_TYPES: Mapping[str, _Numbers] = {
    **dict.fromkeys(_SIZES, _Numbers(comparing.integers, _integer)),
    "boolean": _Numbers(comparing.booleans, _boolean),
    "date": _Numbers(comparing.days, _moment(comparing.day)),
    "timestamp without time zone": _Numbers(comparing.stamps, _moment(comparing.stamp)),
    "timestamp with time zone": _Numbers(comparing.stamps_in_zones, _moment(comparing.stamp_in_zone)),
}
_WHY = {
    "character": ": blanks at the end may count or not",
    "bpchar": ": blanks at the end may count or not",
    "numeric": ": the same number has several spellings",
}
_WANTED = {
    "uuid": "a UUID in quotes, such as '6f0e8a52-0000-4000-8000-000000000000'",
    "boolean": "TRUE or FALSE",
    "date": "an ISO date in quotes, such as '2026-03-31'",
    "timestamp without time zone": "an ISO date and time in quotes, such as '2026-03-31 12:00', without a zone",
    "timestamp with time zone": "an ISO date and time in quotes with its zone, such as '2026-03-31 12:00+00'",
    **dict.fromkeys(_SIZES, "an integer that its type can hold"),
}


def _mismatch(column: ColumnLike) -> Unfit:
    wanted = _WANTED.get(bare_type(column), "a text in quotes")
    return Unfit(f"`{column.name}` is {column.type}, to be compared with {wanted}")
