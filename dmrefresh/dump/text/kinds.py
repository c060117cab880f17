"""The words PostgreSQL has for its sorts of objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dmrefresh.dump.text.tokens import Cursor

UNKNOWN = "UNKNOWN"
"""The kind of a statement that is none of those pg_dump writes, or not as it writes them."""

_OBJECTS = (
    # Longer ones first where one is the beginning of another.
    "ACCESS METHOD",
    "AGGREGATE",
    "CAST",
    "COLLATION",
    "CONVERSION",
    "DATABASE",
    "DEFAULT PRIVILEGES",
    "DOMAIN",
    "EVENT TRIGGER",
    "EXTENSION",
    "FOREIGN DATA WRAPPER",
    "FOREIGN TABLE",
    "FUNCTION",
    "GROUP",
    "INDEX",
    "LANGUAGE",
    "LARGE OBJECT",
    "MATERIALIZED VIEW",
    "OPERATOR CLASS",
    "OPERATOR FAMILY",
    "OPERATOR",
    "POLICY",
    "PROCEDURAL LANGUAGE",
    "PROCEDURE",
    "PUBLICATION",
    "ROLE",
    "RULE",
    "SCHEMA",
    "SEQUENCE",
    "SERVER",
    "STATISTICS",
    "SUBSCRIPTION",
    "SYSTEM",
    "TABLESPACE",
    "TABLE",
    "TEXT SEARCH CONFIGURATION",
    "TEXT SEARCH DICTIONARY",
    "TEXT SEARCH PARSER",
    "TEXT SEARCH TEMPLATE",
    "TRANSFORM",
    "TRIGGER",
    "TYPE",
    "USER MAPPING",
    "USER",
    "VIEW",
)


def object_kind(cursor: Cursor) -> str | None:
    """Pass the word or words for a sort of object where they come next, and return them."""
    for words in _OBJECTS:
        if cursor.accept(words):
            return "LANGUAGE" if words == "PROCEDURAL LANGUAGE" else words
    return None


def pass_shape(cursor: Cursor, sort: str) -> bool:
    """Pass what comes behind the name of an object of this sort to tell it from others, and say whether it was there.

    True as well where nothing needs to be.
    """
    if sort in ("AGGREGATE", "FUNCTION", "OPERATOR", "PROCEDURE"):
        return cursor.pass_parentheses()
    if sort in ("OPERATOR CLASS", "OPERATOR FAMILY"):
        return cursor.accept("USING") and cursor.identifier() is not None
    if sort == "TRIGGER":
        return cursor.accept("ON") and cursor.name() is not None
    return True
