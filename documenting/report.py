"""What the page of reports holds of the schema: each part of report.json, with its fields."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any

from dmrefresh.report.documents import schema
from dmrefresh.report.model import BackupReport, Report
from documenting.json_schema import fields

_ATTRIBUTE = re.compile(r"^ {4}(\w[\w, ]*): (.+(?:\n {8}.+)*)", re.MULTILINE)


_BASES = {"RefreshDocument": inspect.getdoc(Report) or "", "BackupDocument": inspect.getdoc(BackupReport) or ""}
"""What is said of the fields that a document has from elsewhere."""


def _parts() -> str:
    whole = schema()
    pieces = []
    for name, one in whole["$defs"].items():
        about, said = _told(one.get("description", ""))
        explained = {key: {**field, **_also(said.get(key))} for key, field in one.get("properties", {}).items()}
        pieces += [
            f"### {name}",
            about.replace("None", "null"),
            _BASES.get(name, "").replace("None", "null"),
            fields({**one, "properties": explained}, whole),
        ]
    return "\n\n".join(piece for piece in pieces if piece)


def _also(said: str | None) -> dict[str, Any]:
    return {"description": said} if said else {"description": " "}


def _told(description: str) -> tuple[str, Mapping[str, str]]:
    """What a docstring says of the whole, and of each of its attributes."""
    about, _, attributes = description.partition("\n\nAttributes:\n")
    found = {
        name.strip(): " ".join(said.split())
        for names, said in _ATTRIBUTE.findall(attributes)
        for name in names.split(",")
    }
    return about, found


TABLES: dict[str, Callable[[], str]] = {"fields": _parts}
"""What each place of the page holds, by its name."""
