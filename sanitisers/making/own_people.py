"""Which columns of a row say something of people, so that what they hold is taken out of its free text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sanitisers.columns import Kind, kind
from sanitisers.engine.redacting import Own
from sanitisers.families import FAMILIES
from sanitisers.ruleset.rules import Constant, Fake, Function, Null, OneOf, Pattern, Template

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sanitisers.columns import ColumnLike
    from sanitisers.ruleset.rules import ColumnRule

_NAMES = frozenset({"person.name", "person.first_name", "person.last_name"})


def own_of_people(rules: Mapping[str, ColumnRule], columns: Mapping[str, ColumnLike]) -> tuple[Own, ...]:
    """The columns, given the rule of each: those with fakes, but for what many people have in common.

    Texts of which nothing is left (they become NULL, or the same as others) are among them: nobody knows better.
    """
    return tuple(Own(name, _is_name(rule)) for name, rule in rules.items() if _is_personal(rule, columns[name]))


def _is_name(rule: ColumnRule) -> bool:
    return isinstance(rule, Fake) and rule.family in _NAMES


def _is_personal(rule: ColumnRule, column: ColumnLike) -> bool:
    if isinstance(rule, Fake):
        return _is_name(rule) or not FAMILIES[rule.family].common
    if isinstance(rule, Null | Constant | OneOf):
        return kind(column) is Kind.TEXT
    return isinstance(rule, Pattern | Function | Template)
