"""A table on the way to a suggestion: what the schema says of its keys, and what is suggested for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sanitisers.suggesting.judgement import leaves

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sanitisers.suggesting.judgement import Judgement


@dataclass(frozen=True, slots=True)
class Keys:
    """What the schema says of a table beside its columns.

    Attributes:
        primary: columns of the primary key.
        unique: columns of which no value comes twice.
        joins: columns of foreign keys.
        listed: columns for which a check allows a list of values.
        forms: the regular expression that a check holds a column's texts to.
        referenced: whether another table's foreign key leads here.
        leads: a column of a foreign key, the table it leads to, and the column there.
    """

    primary: frozenset[str] = frozenset()
    unique: frozenset[str] = frozenset()
    joins: frozenset[str] = frozenset()
    listed: frozenset[str] = frozenset()
    forms: Mapping[str, str] = field(default_factory=dict)
    referenced: bool = False
    leads: tuple[tuple[str, str, str], ...] = ()


@dataclass(slots=True)
class TableSuggestion:
    """What is suggested for a table: that it is emptied, for a reason, or a judgement for each column.

    Attributes:
        empties: why, where it is.
        columns: what is suggested for each.
        about_somebody: whether the table has columns about persons or companies.
    """

    empties: Judgement | None = None
    columns: dict[str, Judgement] = field(default_factory=dict)
    about_somebody: bool = False

    def lines(self) -> Iterator[Judgement]:
        """What each of its lines stands for: the table's where it is emptied, else those of columns and paths."""
        if self.empties is not None:
            yield self.empties
            return
        for name, judged in self.columns.items():
            yield from (leaf for _, leaf in leaves(name, judged))
