"""Which rules share their chances: those of one identity, and the parts of one address."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from sanitisers.families import FAMILIES
from sanitisers.ruleset.rules import Chosen, Fake, Function, Noise, OneOf, Pattern, Shift

if TYPE_CHECKING:
    from collections.abc import Mapping

R = TypeVar("R")

_TOGETHER = "address"
"""The group of families whose parts in one row, or in one object of a document, belong together."""
_FIRST = "address.postcode"
"""What of an address decides about all of it, where there is one."""


def grouped(rules: Mapping[str, R]) -> dict[str, R]:
    """The rules of a table or an object, those of the parts of an address each decided by all of the parts.

    One that says itself what decides it, or whose identity it has, is left as it is.
    """
    parts = [
        (name, rule)
        for name, rule in rules.items()
        if isinstance(rule, Fake)
        and FAMILIES[rule.family].group == _TOGETHER
        and not rule.by
        and rule.identity is None
        and name != "*"
    ]
    if len(parts) < 2:
        return dict(rules)
    by = tuple(name for name, rule in sorted(parts, key=lambda part: part[1].family != _FIRST))
    return {**rules, **{name: rule.model_copy(update={"by": by}) for name, rule in parts}}


def space(rule: Chosen) -> str:
    """The space of chances of a rule: two rules with the same one choose alike for the same text.

    It is that of the identity, if the rule names one; else, where other columns decide, that of all families of the
    group, so that the parts of one person go together; else the rule's own.
    """
    if rule.identity is not None:
        return f"as {rule.identity}"
    group, own = _names(rule)
    return f"as {group}" if rule.by else own


def _names(rule: Chosen) -> tuple[str, str]:
    match rule:
        case Fake(family=family):
            return FAMILIES[family].group, family
        case Shift():
            return "date", "date.shift"
        case Noise():
            return "number", "number.noise"
        case Pattern(pattern=pattern):
            return f"pattern {pattern}", f"pattern {pattern}"
        case OneOf(values=values):
            return "one of", f"one of {values!r}"
        case Function(path=path):
            return path, f"function {path}"
    raise AssertionError("there is no other rule")
