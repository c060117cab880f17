"""The kinds of ALTER that pg_dump writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmrefresh.dump.text.kinds import UNKNOWN, object_kind, pass_shape
from dmrefresh.dump.text.tokens import TokenKind

if TYPE_CHECKING:
    from dmrefresh.dump.events import Name
    from dmrefresh.dump.text.tokens import Cursor

_BY_OBJECT = frozenset(
    {
        "DATABASE",
        "DEFAULT PRIVILEGES",
        "EVENT TRIGGER",
        "FOREIGN DATA WRAPPER",
        "GROUP",
        "LARGE OBJECT",
        "PUBLICATION",
        "ROLE",
        "SERVER",
        "SUBSCRIPTION",
        "SYSTEM",
        "TABLESPACE",
        "USER",
        "USER MAPPING",
    }
)
"""Of these it does not matter what is altered."""

_CHANGES = {
    "DOMAIN": ("ADD CONSTRAINT",),
    "INDEX": ("ALTER COLUMN SET STATISTICS", "ATTACH PARTITION"),
    "OPERATOR FAMILY": ("ADD",),
    "SEQUENCE": ("OWNED BY", "SET LOGGED", "SET UNLOGGED"),
    "STATISTICS": ("SET STATISTICS",),
    "TABLE": (
        "ADD CONSTRAINT",
        "ALTER COLUMN ADD GENERATED",
        "ALTER COLUMN SET (",
        "ALTER COLUMN SET COMPRESSION",
        "ALTER COLUMN SET DEFAULT",
        "ALTER COLUMN SET NOT NULL",
        "ALTER COLUMN SET STATISTICS",
        "ALTER COLUMN SET STORAGE",
        "ATTACH PARTITION",
        "CLUSTER ON",
        "DISABLE RULE",
        "DISABLE TRIGGER",
        "ENABLE ALWAYS RULE",
        "ENABLE ALWAYS TRIGGER",
        "ENABLE REPLICA RULE",
        "ENABLE REPLICA TRIGGER",
        "ENABLE ROW LEVEL SECURITY",
        "ENABLE TRIGGER",
        "FORCE ROW LEVEL SECURITY",
        "REPLICA IDENTITY",
        "SET (",
        "SET ACCESS METHOD",
    ),
    "TEXT SEARCH CONFIGURATION": ("ADD MAPPING",),
    "VIEW": ("ALTER COLUMN SET DEFAULT",),
}


def classify_alter(cursor: Cursor) -> tuple[str, Name | None]:
    """The kind and the target of an ALTER, of which that word has been passed."""
    altered = object_kind(cursor)
    if altered is None:
        return UNKNOWN, None
    if altered in _BY_OBJECT:
        return f"ALTER {altered}", None
    cursor.accept("IF EXISTS")
    cursor.accept("ONLY")
    target = cursor.name()
    if target is None:
        return UNKNOWN, None
    pass_shape(cursor, altered)
    if cursor.accept("OWNER TO"):
        return ("ALTER OWNER" if _is_last_name(cursor) else UNKNOWN), None
    if cursor.accept("DEPENDS ON EXTENSION"):
        return ("ALTER DEPENDS ON EXTENSION" if _is_last_name(cursor) else UNKNOWN), None
    if altered == "FOREIGN TABLE":
        return "ALTER FOREIGN TABLE", None
    return _change(cursor, altered), target


def _is_last_name(cursor: Cursor) -> bool:
    return cursor.identifier() is not None and cursor.at_end()


def _change(cursor: Cursor, altered: str) -> str:
    """The kind of an ALTER of which everything that names the object has been passed."""
    at_column = cursor.accept("ALTER COLUMN")
    if at_column and cursor.identifier() is None:
        number = cursor.take()  # as the column of an index has
        if number is None or number.kind is not TokenKind.NUMBER:
            return UNKNOWN
    if cursor.next_is("DROP"):
        return "ALTER DROP"
    for change in _CHANGES.get(altered, ()):
        words = change.removeprefix("ALTER COLUMN ")
        if at_column == (words != change) and cursor.next_is(words):
            plain = altered in ("OPERATOR FAMILY", "TEXT SEARCH CONFIGURATION") or _is_one_plain_change(cursor)
            return f"ALTER {altered} {change.removesuffix(' (')}" if plain else UNKNOWN
    return UNKNOWN


def _is_one_plain_change(cursor: Cursor) -> bool:
    """Whether this is all, and names plainly what it references.

    Several changes in one ALTER, which pg_dump never writes, stand between commas.
    """
    depth = 0
    while token := cursor.take():
        if token.kind is TokenKind.SYMBOL:
            depth += (token.text in "([") - (token.text in ")]")
            if token.text == "," and not depth:
                return False
        elif token.kind is TokenKind.WORD and token.text == "references" and cursor.name() is None:
            return False
    return True
