"""What a predicate says, before anybody knows the types of its columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

Value: TypeAlias = str | int | bool
"""What a column is compared with, as it is written: a text in quotes, an integer, or a truth value."""


@dataclass(frozen=True, slots=True)
class Compared:
    """A column, one of = <> < <= > >=, and a value."""

    column: str
    operator: str
    value: Value


@dataclass(frozen=True, slots=True)
class Among:
    """The column has one of these values."""

    column: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Null:
    """The column is NULL."""

    column: str


@dataclass(frozen=True, slots=True)
class Bare:
    """A boolean column by itself."""

    column: str


@dataclass(frozen=True, slots=True)
class Always:
    """TRUE or FALSE."""

    value: bool


@dataclass(frozen=True, slots=True)
class Is:
    """Whether a part is true, or false, or (where None is wanted) unknown; never unknown itself."""

    part: Predicate
    wanted: bool | None


@dataclass(frozen=True, slots=True)
class Not:
    """The contrary; of unknown it is unknown."""

    part: Predicate


@dataclass(frozen=True, slots=True)
class And:
    """All of the parts, of which there are at least two."""

    parts: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of the parts, of which there are at least two."""

    parts: tuple[Predicate, ...]


Predicate: TypeAlias = Compared | Among | Null | Bare | Always | Is | Not | And | Or
