"""The kinds of ALTER that pg_dump writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmrefresh.dump.kinds import UNKNOWN, object_kind
from dmrefresh.dump.tokens import TokenKind

if TYPE_CHECKING:
    from dmrefresh.dump.events import Name
    from dmrefresh.dump.tokens import Cursor, Token

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
    rest = cursor.rest()
    if _word_at(rest, -3) == "owner" and _word_at(rest, -2) == "to":
        return "ALTER OWNER", None
    if [_word_at(rest, index) for index in (-4, -3, -2)] == ["depends", "on", "extension"]:
        return "ALTER DEPENDS ON EXTENSION", None
    if altered == "FOREIGN TABLE":
        return "ALTER FOREIGN TABLE", None
    cursor.accept("IF EXISTS")
    cursor.accept("ONLY")
    target = cursor.name()
    if target is None:
        return UNKNOWN, None
    return _change(cursor, altered), target


def _change(cursor: Cursor, altered: str) -> str:
    """The kind of an ALTER of which everything up to the name of the object has been passed."""
    if altered == "OPERATOR FAMILY" and cursor.accept("USING"):
        cursor.identifier()
    at_column = cursor.accept("ALTER COLUMN")
    if at_column and cursor.identifier() is None:
        cursor.take()  # the column of an index has a number
    if cursor.next_is("DROP"):
        return "ALTER DROP"
    for change in _CHANGES.get(altered, ()):
        words = change.removeprefix("ALTER COLUMN ")
        if at_column == (words != change) and cursor.next_is(words):
            one = altered in ("OPERATOR FAMILY", "TEXT SEARCH CONFIGURATION") or _is_one_change(cursor)
            return f"ALTER {altered} {change.removesuffix(' (')}" if one else UNKNOWN
    return UNKNOWN


def _is_one_change(cursor: Cursor) -> bool:
    """Whether this is all: several changes in one ALTER, which pg_dump never writes, stand between commas."""
    depth = 0
    for token in cursor.rest():
        if token.kind is TokenKind.SYMBOL:
            depth += (token.text in "([") - (token.text in ")]")
            if token.text == "," and not depth:
                return False
    return True


def _word_at(rest: list[Token], index: int) -> str:
    """The unquoted word at `index` from the end, or nothing."""
    if len(rest) < -index or rest[index].kind is not TokenKind.WORD:
        return ""
    return rest[index].text
