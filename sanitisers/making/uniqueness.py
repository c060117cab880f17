"""Columns in which no value may come twice: whether what a rule writes can be so, before anything runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sanitisers.families.form import CODES
from sanitisers.making.fitting import Misfit
from sanitisers.ruleset.rules import Bcrypt, Constant, Noise, Redact, Shift

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from sanitisers.columns import ColumnLike
    from sanitisers.families import Form
    from sanitisers.ruleset.rules import ColumnRule

ROWS = 1_000_000
"""Rows that a table is taken to have, where nobody knows."""
_FEWEST = 40
"""Rows that a table is taken to have at least: servers do not count anew for the first fifty that are added."""
_SELDOM = 1_000
"""In one run of so many, at most, two originals may get the same fake; then the server refuses them before the end."""


@dataclass(frozen=True, slots=True)
class Known:
    """What somebody has found out about tables, by their names in rulesets.

    Attributes:
        unique: columns in which no value may come twice, for certain.
        likely: columns of which this is so in the target, and perhaps not in the dump.
        rows: about how many rows a table has.
    """

    unique: Mapping[str, Collection[str]] = field(default_factory=dict)
    likely: Mapping[str, Collection[str]] = field(default_factory=dict)
    rows: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Unique:
    """What is known about a column in which no value may come twice.

    Attributes:
        rows: of its table, as far as anybody knows; 0 where nobody does.
        columns: others of its table in which no value may come twice; None where nobody knows them.
        certain: whether it is known of the dump, and not only of the target.
    """

    rows: int = 0
    columns: Collection[str] | None = None
    certain: bool = True

    def refuse_the_same(self, rule: ColumnRule) -> None:
        """Raise Misfit where a rule writes the same into many rows, or moves two originals to the same place."""
        if (isinstance(rule, Constant) and rule.value is not None) or isinstance(rule, Bcrypt):
            raise Misfit("no value may come twice in this column, and the rule writes the same one everywhere")
        if isinstance(rule, Shift | Noise):
            raise Misfit("no value may come twice in this column, and two that move may meet")
        if isinstance(rule, Redact):
            raise Misfit("no value may come twice in this column, and two may have the same left")

    def want_one_of(self, columns: Iterable[str]) -> None:
        """Raise Misfit where it is known of none of these that no value comes twice in it."""
        if self.columns and not set(columns) & set(self.columns):
            known = ", ".join(f"`{{{name}}}`" for name in sorted(self.columns))
            raise Misfit(f"no value may come twice in this column: put one of these into the template: {known}")

    def want_deciding(self, column: str, by: Iterable[str]) -> None:
        """Raise Misfit where the column is decided by one of which it is known that a value may come twice."""
        if self.columns is None:
            return
        for name in by:
            if name != column and name not in self.columns:
                raise Misfit(f"no value may come twice in this column, and `{name}` decides, in which one may")

    def are_enough(self, texts: int) -> bool:
        """Whether so many texts, each as likely, are enough for all rows to get different ones."""
        rows = max(self.rows, _FEWEST) if self.rows else ROWS
        return rows * rows // 2 * _SELDOM <= texts


def unique_form(form: Form, column: ColumnLike, unique: Unique, *, cut: bool) -> Form:
    """A form whose fakes are as many as the rows need: itself, or itself with a code behind it.

    Raises Misfit where the column has no room for a code, or where the fakes must not be longer than they are.
    """
    # Where a fake has a code already, another one would make it no address any more, and hardly more certain.
    if unique.are_enough(form.keyed) or form.keyed >= CODES:
        return form
    coded = form.with_code(column.max_length) if cut else None
    if coded is None:
        raise Misfit(
            f"no value may come twice in this column, and there are only {form.texts:,} fakes; "
            'make it of a unique column, such as `{template: "{id}"}`'
        )
    return coded
