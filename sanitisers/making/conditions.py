"""The conditions of a table's rules, `rows:` and `locked:`, made into what the engine decides."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sanitisers.predicate.fitting import Unfit, fitted
from sanitisers.predicate.reading import NotUnderstood, read_predicate
from sanitisers.ruleset.rules import Bcrypt, Each, Entries, Fields

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sanitisers.columns import ColumnLike
    from sanitisers.engine.deciding import Condition
    from sanitisers.ruleset.model import Columns, Ruleset
    from sanitisers.ruleset.rules import ColumnRule

_ELSEWHERE = "what takes more than the row's own columns and fixed values belongs in `after_load`"


@dataclass(slots=True)
class Conditions:
    """What decides about the rows of a table.

    Attributes:
        staying: the rows for which it is true go on; None where all do.
        locked: for columns of passwords, which rows nobody can log in with: where it is true or unknown.
        mistakes: what is wrong with them, each with its place.
    """

    staying: Condition | None = None
    locked: dict[str, Condition] = field(default_factory=dict)
    mistakes: list[str] = field(default_factory=list)

    @property
    def looks_at(self) -> frozenset[str]:
        """The columns that decide."""
        everything = [*self.locked.values(), *([self.staying] if self.staying else [])]
        return frozenset[str]().union(*(one.columns for one in everything))


def conditions_of(ruleset: Ruleset, table: str, rules: Columns | None, columns: Sequence[ColumnLike]) -> Conditions:
    """The conditions in the rules of a table, whose columns the dump has."""
    found = Conditions()
    if rules is None:
        return found
    if rules.rows is not None:
        spelling = "where" if ("tables", table, "where") in ruleset.lines else "rows"
        found.staying = _condition(rules.rows, columns, ruleset.at("tables", table, spelling), found)
    for name, rule in rules.columns.items():
        where = "tables", table, "columns", name
        if isinstance(rule, Bcrypt) and rule.locked is not None:
            condition = _condition(rule.locked, columns, ruleset.at(*where, "locked"), found)
            if condition is not None:
                found.locked[name] = condition
        elif _locks_inside(rule):
            found.mistakes.append(
                f"{ruleset.at(*where)}: `locked` is for a column of passwords, not for what is in one"
            )
    return found


def _condition(text: str, columns: Sequence[ColumnLike], where: str, found: Conditions) -> Condition | None:
    try:
        return fitted(read_predicate(text), columns)
    except NotUnderstood as refused:
        found.mistakes.append(f"{where}: {refused}; {_ELSEWHERE}")
    except Unfit as refused:
        found.mistakes.append(f"{where}: {refused}")
    return None


def _locks_inside(rule: ColumnRule) -> bool:
    """Whether a rule for parts of a value has a condition, which would be about the row."""
    match rule:
        case Each(each=inner):
            inside = [inner]
        case Fields(fields=parts) | Entries(entries=parts):
            inside = [*parts.values()]
        case _:
            return False
    return any((isinstance(one, Bcrypt) and one.locked is not None) or _locks_inside(one) for one in inside)
