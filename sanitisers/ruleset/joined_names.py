"""Names in quotes that look like several: a warning where what was meant might be kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sanitisers.ruleset.model import Columns
from sanitisers.ruleset.rules import Each, Entries, Fields, Json, JsonObject, Keep

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sanitisers.ruleset.model import Ruleset


def what_looks_joined(ruleset: Ruleset) -> list[str]:
    """A sentence for each key of a document, or entry, with a comma in it, where what is not named is kept.

    Of a column nobody need be warned: one that is not there is told.
    """
    return [
        f"{ruleset.at('tables', table, 'columns', column)}: `{name}` is one key, commas and all, and what is not named "
        "is kept; without quotes it would be several"
        for table, rules in ruleset.tables.items()
        if isinstance(rules, Columns)
        for column, rule in rules.columns.items()
        for name in _names(rule)
    ]


def _names(rule: object) -> Iterator[str]:
    match rule:
        case Json(document=document, rest=rest):
            yield from _of_keys(document.keys, keeps=rest is not None)
        case JsonObject(keys=keys):
            yield from _of_keys(keys, keeps=False)
        case Entries(entries=entries, rest=rest):
            yield from _of_keys(entries, keeps=rest is not None)
        case Each(each=inner):
            yield from _names(inner)
        case Fields(fields=fields):
            for inner in fields.values():
                yield from _names(inner)


def _of_keys(keys: Mapping[str, object], *, keeps: bool) -> Iterator[str]:
    if keeps or isinstance(keys.get("*"), Keep):
        yield from (name for name in keys if "," in name)
    for inner in keys.values():
        yield from _names(inner)
