"""Columns that stand for others: of a domain's base type, of an array's elements, or of a name alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sanitisers.columns import ColumnLike


@dataclass(frozen=True, slots=True)
class Assumed:
    """A column as somebody takes it to be; see ColumnLike."""

    name: str
    type: str = "text"
    not_null: bool = False
    max_length: int | None = None
    enum: bool = False
    generated: bool = False
    base: str = ""
    labels: Sequence[str] = ()
    element: ColumnLike | None = None
    fields: Sequence[ColumnLike] = ()
    collated: bool = False

    @classmethod
    def like(cls, column: ColumnLike, *, name: str | None = None, type: str | None = None) -> Assumed:
        """A column like another, but for its name or its type."""
        return cls(
            name or column.name,
            type or column.type,
            column.not_null,
            column.max_length,
            column.enum,
            column.generated,
            "" if type else column.base,
            column.labels,
            column.element,
            column.fields,
            column.collated,
        )


def based(column: ColumnLike) -> ColumnLike:
    """A column of a domain as one of the type that the domain stands for; any other as it is."""
    return Assumed.like(column, type=column.base) if column.base else column
