"""What to paste into a ruleset for the columns that it does not cover."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sanitisers.columns import Kind, holds_text, is_hstore, is_json, kind
from sanitisers.ruleset.words import SAY_WHY

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sanitisers.columns import ColumnLike

# The first pattern that fits a column of text names the proposal; all others get `text.lorem`.
_GUESSES = (
    (re.compile(r"e_?mail"), "person.email"),
    (re.compile(r"phone|mobile|(^|_)fax"), "person.phone"),
    (re.compile(r"post_?code|(^|_)zip"), "address.postcode"),
    (re.compile(r"address|street"), "address.street"),
    (re.compile(r"city|town"), "address.city"),
    (re.compile(r"(first|given|fore)_?name"), "person.first_name"),
    (re.compile(r"(last|sur|family)_?name"), "person.last_name"),
    (re.compile(r"company|organisation|supplier_name"), "company.name"),
    (re.compile(r"name$|contact"), "person.name"),
    (re.compile(r"(^|_)ur[li]$|website"), "url"),
    (re.compile(r"(^|_)path$|file"), "file.path"),
)
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def propose(column: ColumnLike, name: str | None = None) -> str:
    """A rule that gives nothing away, for somebody to look at; `name` is what the column is called, if not its own."""
    name = column.name if name is None else name
    if column.element is not None and holds_text(column):
        return f"{{each: {propose(column.element, name)}}}"
    if column.fields:
        fields = (f"{_key(field.name)}: {propose(field)}" for field in column.fields)
        return f"{{fields: {{{', '.join(fields)}}}}}"
    if is_hstore(column):
        return "{entries: {}}"
    if is_json(column):
        return "{json: {}}"
    match kind(column):
        case Kind.TEXT:
            fits = (rule for pattern, rule in _GUESSES if pattern.search(name.lower()))
            return next(fits, "text.lorem")
        case _:
            return f"keep ({SAY_WHY})" if column.not_null else "null"


def lines_to_paste(columns: Iterable[tuple[str, ColumnLike]]) -> str:
    """The lines, as they stand in a ruleset, a comment with the type behind each."""
    tables: dict[str, list[ColumnLike]] = {}
    for table, column in columns:
        tables.setdefault(table, []).append(column)
    lines = ["tables:"]
    for table, found in tables.items():
        lines += [f"  {_key(table)}:", "    columns:"]
        lines += [f"      {_key(column.name)}: {propose(column)}  # {column.type}" for column in found]
    return "\n".join(lines)


def literals_to_paste(objects: Iterable[str]) -> str:
    """The lines that allow what was found in the definitions of these objects, once somebody has said why."""
    return "\n".join(["literals:", *(f"  {_key(name)}: keep ({SAY_WHY})" for name in objects)])


def leaks_to_paste(places: Iterable[str]) -> str:
    """The lines that allow originals in these columns and paths, once somebody has said why."""
    return "\n".join(["leaks:", *(f"  {_key(name)}: keep ({SAY_WHY})" for name in places)])


def _key(name: str) -> str:
    if _PLAIN_KEY.fullmatch(name) and name not in {"null", "true", "false"}:
        return name
    escaped = "".join(c if c.isprintable() and c not in '"\\' else f"\\u{ord(c):04x}" for c in name)
    return f'"{escaped}"'
