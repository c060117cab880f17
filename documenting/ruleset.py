"""The tables in the page of rulesets; the text around them is written by people."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from documenting.markdown import code, table
from sanitisers.families import FAMILIES
from sanitisers.ruleset.editors import written


def _families() -> str:
    return table(("word", "fakes"), ((code(name), family.about) for name, family in FAMILIES.items()))


def _top() -> str:
    described: Mapping[str, Any] = json.loads(written())["properties"]
    return table(("key", ""), ((code(key), one.get("description", "")) for key, one in described.items()))


def _tables() -> str:
    return table(("key", ""), _keys(json.loads(written())["definitions"]["table"]))


def _rules() -> str:
    rows: dict[str, str] = {}
    for key, about in _keys(json.loads(written())["definitions"]["column"]):
        rows.setdefault(key, about)
    return table(("key", ""), rows.items())


def _keys(definition: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for one in definition["anyOf"]:
        for key, about in one.get("properties", {}).items():
            yield code(key), about.get("description") or "A family's word, where the rule has more keys."


TABLES: dict[str, Callable[[], str]] = {"families": _families, "top": _top, "tables": _tables, "rules": _rules}
"""What each table holds, by the name of its place."""
