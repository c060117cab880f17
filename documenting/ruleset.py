"""The tables in the page of rulesets that are written from the code; the text around them is written by people."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from documenting.markdown import code, table
from sanitisers.families import FAMILIES
from sanitisers.ruleset.editors import written

_PLACE = re.compile(r"(<!-- written: (\w+) -->\n\n).*?(\n\n<!-- written -->)", re.DOTALL)


def filled(text: str) -> str:
    """The page with its tables as the code has them now.

    Raises:
        KeyError: it has a place for a table that there is not.
    """
    return _PLACE.sub(lambda found: found[1] + TABLES[found[2]]() + found[3], text)


def places(text: str) -> list[str]:
    """The tables that the page has a place for."""
    return [found[2] for found in _PLACE.finditer(text)]


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
