"""Which columns of a row say something of people, so that what they hold is taken out of its free text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sanitisers.engine.redacting import Own
from sanitisers.families import FAMILIES
from sanitisers.ruleset.rules import Fake, Function, Pattern, Template

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sanitisers.ruleset.rules import ColumnRule

_NAMES = frozenset({"person.name", "person.first_name", "person.last_name"})


def own_of_people(rules: Mapping[str, ColumnRule]) -> tuple[Own, ...]:
    """The columns, given the rule of each: those with fakes, but for what many people have in common."""
    return tuple(Own(name, _is_name(rule)) for name, rule in rules.items() if _is_personal(rule))


def _is_name(rule: ColumnRule) -> bool:
    return isinstance(rule, Fake) and rule.family in _NAMES


def _is_personal(rule: ColumnRule) -> bool:
    if isinstance(rule, Fake):
        return _is_name(rule) or not FAMILIES[rule.family].common
    return isinstance(rule, Pattern | Function | Template)
