"""Holds a suggested ruleset against one that people have written, column by column and path by path."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sanitisers import Ruleset
from sanitisers.covering import rule_for
from sanitisers.ruleset.model import Empty
from sanitisers.ruleset.rules import Constant, Fake, Json, JsonObject, Keep, Null, Template

SAME, KIND, SAFE, WIDER, MISS = "same", "same kind", "differs, safe", "kept, dropped by hand", "KEPT, REPLACED BY HAND"
"""The same rule or family; another of the same kind; neither is kept by mistake, but they differ; kept though people
drop the key; kept though people replace it."""


@dataclass(frozen=True)
class Compared:
    where: str
    by_hand: str
    suggested: str
    verdict: str


def columns(
    suggested: Ruleset, by_hand: Ruleset, schema: Mapping[str, Sequence[Any]], documents: Iterable[tuple[str, str]] = ()
) -> list[Compared]:
    """Every column that holds no documents."""
    held = set(documents)
    return [
        _compared(f"{table}.{column.name}", word_of(by_hand, table, column), word_of(suggested, table, column))
        for table, of in schema.items()
        for column in of
        if (table, column.name) not in held
    ]


def paths(
    suggested: Ruleset, by_hand: Ruleset, schema: Mapping[str, Sequence[Any]], seen: Mapping[tuple[str, str], set[str]]
) -> list[Compared]:
    """Every path at which the documents of the data have a value."""
    found = []
    for (table, name), leaves in seen.items():
        column = next(column for column in schema[table] if column.name == name)
        both = _rule(by_hand, table, column), _rule(suggested, table, column)
        for path in sorted(leaves):
            one, other = (_word(_at(rule, path.split("\0"))) for rule in both)
            found.append(_compared(".".join((table, name, *path.split("\0"))), one, other))
    return found


def leaves_of(value: object, path: tuple[str, ...] = ()) -> Iterator[str]:
    """The paths of a document; lists are no level of their own."""
    if isinstance(value, dict):
        for key, below in value.items():
            yield from leaves_of(below, (*path, key))
    elif isinstance(value, list):
        for one in value:
            yield from leaves_of(one, path)
    elif path and value not in (None, ""):
        yield "\0".join(path)


def counts(compared: Iterable[Compared]) -> Counter[str]:
    return Counter(one.verdict for one in compared)


def same_class(compared: Sequence[Compared]) -> float:
    """Which part is of the same class: the same, or another family of the same kind."""
    return sum(one.verdict in (SAME, KIND) for one in compared) / len(compared)


def table_of_differences(compared: Iterable[Compared]) -> str:
    return "\n".join(
        f"{one.verdict:24} {one.where}: by hand {one.by_hand}, suggested {one.suggested}"
        for one in compared
        if one.verdict != SAME
    )


def _rule(ruleset: Ruleset, table: str, column: Any) -> object:
    if isinstance(ruleset.tables.get(table), Empty):
        return Null()
    return rule_for(ruleset, table, column)


def word_of(ruleset: Ruleset, table: str, column: Any) -> str:
    return _word(_rule(ruleset, table, column))


def _at(rule: object, path: Sequence[str]) -> object:
    """The rule that decides what becomes of a path."""
    if isinstance(rule, Json):
        rest = rule.rest
        document = rule.document
        if path and path[0] not in document.keys and "*" not in document.keys:
            return rest or Null()
        rule = document
    for key in path:
        if not isinstance(rule, JsonObject):
            return rule
        rule = rule.keys.get(key, rule.keys.get("*", Null()))
    return Null() if isinstance(rule, JsonObject) else rule


def _word(rule: object) -> str:
    match rule:
        case Keep():
            return "keep"
        case None:
            return "nothing"
        case Null() | Constant(value=None) | Json() | JsonObject():
            return "dropped"
        case Fake():
            return rule.family
        case Template(template=text) if "@" in text:
            return "person.email"
        case _:
            return "made up"


def _compared(where: str, by_hand: str, suggested: str) -> Compared:
    return Compared(where, by_hand, suggested, _verdict(by_hand, suggested))


def _verdict(by_hand: str, suggested: str) -> str:
    if by_hand == suggested:
        return SAME
    if suggested in ("keep", "nothing"):
        return WIDER if by_hand == "dropped" else MISS
    if by_hand == "keep" or "dropped" in (by_hand, suggested) or suggested == "text.lorem":
        return SAFE
    if "made up" in (by_hand, suggested):
        return KIND
    return KIND if by_hand.partition(".")[0] == suggested.partition(".")[0] else SAFE
