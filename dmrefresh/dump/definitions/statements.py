"""Tells of each statement what kind it is and which object it makes or changes.

A kind is made of words in this file and nothing else, so that it can stand in any message. Whatever is not
written quite as pg_dump writes it (versions 12 to 18 were read) is UNKNOWN, which the policy refuses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmrefresh.dump.definitions import settings
from dmrefresh.dump.definitions.alterations import classify_alter
from dmrefresh.dump.text.kinds import UNKNOWN, object_kind, pass_shape
from dmrefresh.dump.text.tokens import Cursor, Token, TokenKind

if TYPE_CHECKING:
    from dmrefresh.dump.events import Name

Kind = tuple[str, "Name | None"]

_WHOLE = (
    "BEGIN",
    "COMMIT",
    "COPY",
    "DO",
    "DROP",
    "GRANT",
    "INSERT",
    "REVOKE",
    "SECURITY LABEL",
)
"""Statements that are known by their first words; what they name does not matter to anybody."""

_QUALIFIED = frozenset(
    [
        "AGGREGATE",
        "COLLATION",
        "CONVERSION",
        "DOMAIN",
        "FUNCTION",
        "OPERATOR",
        "PROCEDURE",
        "SEQUENCE",
        "STATISTICS",
        "TABLE",
        "TYPE",
        "VIEW",
    ]
) | {
    "FOREIGN TABLE",
    "MATERIALIZED VIEW",
    "OPERATOR CLASS",
    "OPERATOR FAMILY",
    "TEXT SEARCH CONFIGURATION",
    "TEXT SEARCH DICTIONARY",
    "TEXT SEARCH PARSER",
    "TEXT SEARCH TEMPLATE",
}
"""Objects in a schema, whose name comes right behind the word for them."""

_MODIFIERS = {
    "CONVERSION": ("DEFAULT",),
    "FUNCTION": ("OR REPLACE",),
    "INDEX": ("UNIQUE",),
    "LANGUAGE": ("OR REPLACE", "TRUSTED", "PROCEDURAL"),
    "PROCEDURE": ("OR REPLACE",),
    "SEQUENCE": ("UNLOGGED",),
    "TABLE": ("UNLOGGED",),
    "TRIGGER": ("CONSTRAINT",),
}
"""Words between CREATE and the object that do not make it another kind."""

_MADE_UNLESS_THERE = frozenset({"EXTENSION", "SCHEMA"})
"""With IF NOT EXISTS: of anything else, pg_dump makes what must not be there yet."""

_WITHOUT_NAME = frozenset({"CAST", "TRANSFORM", "USER MAPPING"})

_LANGUAGES = frozenset({"sql", "plpgsql"})


def classify(sql: bytes, codec: str) -> Kind:
    """Tell what a statement is.

    Args:
        sql: a statement as the lexer gives it.
        codec: Python's name for the dump's encoding.

    Returns:
        Its kind, and the object where one is named and is of interest. An object that lives in no schema
        has an empty one.

    Raises:
        NotInEncoding: a name is not in the encoding of the dump.
    """
    cursor = Cursor(sql, codec)
    for words in _WHOLE:
        if cursor.next_is(words):
            return words, None
    if cursor.accept("CREATE"):
        return _classify_create(cursor)
    if cursor.accept("ALTER"):
        return classify_alter(cursor)
    if cursor.accept("COMMENT ON"):
        return _classify_comment(cursor)
    if cursor.accept("SELECT"):
        return settings.classify_select(cursor, codec)
    if cursor.accept("REFRESH MATERIALIZED VIEW"):
        target = cursor.name()
        return ("REFRESH MATERIALIZED VIEW", target) if target and cursor.at_end() else (UNKNOWN, None)
    if cursor.next_is("SET SESSION AUTHORIZATION") or cursor.next_is("RESET SESSION AUTHORIZATION"):
        return "SET SESSION AUTHORIZATION", None
    if cursor.next_is("SET"):
        return "SET", None
    return UNKNOWN, None


def _classify_create(cursor: Cursor) -> Kind:
    replaces = cursor.next_is("OR REPLACE")
    modifiers = []
    while (made := object_kind(cursor)) is None:
        for words in ("OR REPLACE", "UNIQUE", "UNLOGGED", "CONSTRAINT", "TRUSTED", "PROCEDURAL", "DEFAULT"):
            if cursor.accept(words):
                modifiers.append(words)
                break
        else:
            return UNKNOWN, None
    if made not in _MADE_UNLESS_THERE and cursor.next_is("IF NOT EXISTS"):
        return UNKNOWN, None
    if made == "VIEW" and modifiers in ([], ["OR REPLACE"]):
        target = cursor.name()
        return (f"CREATE {'OR REPLACE ' if replaces else ''}VIEW" if target else UNKNOWN), target
    if not set(modifiers) <= set(_MODIFIERS.get(made, ())):
        return UNKNOWN, None
    if made in ("FUNCTION", "PROCEDURE"):
        return _classify_routine(cursor, made)
    if made in _QUALIFIED:
        target = cursor.name()
        return _narrowed(cursor, made) if target else UNKNOWN, target
    target = _other_target(cursor, made)
    return (f"CREATE {made}" if target or made in _WITHOUT_NAME else UNKNOWN), target


def _narrowed(cursor: Cursor, made: str) -> str:
    """The kind of a CREATE of which the name has been passed, told by what comes next."""
    if made == "TABLE":
        columns = cursor.next_is("(") or cursor.next_is("OF") or cursor.next_is("PARTITION OF")
        return "CREATE TABLE" if columns else "CREATE TABLE AS"
    if made == "TYPE":
        plain = cursor.next_is("AS ENUM") or cursor.next_is("AS RANGE") or cursor.next_is("AS (")
        return "CREATE TYPE" if plain else "CREATE BASE TYPE"
    return f"CREATE {made}"


def _classify_routine(cursor: Cursor, made: str) -> Kind:
    """Functions are told apart by language, and those of event triggers by what they return."""
    target = cursor.name()
    if target is None or not cursor.pass_parentheses():
        return UNKNOWN, None
    kind = f"CREATE {made}"
    if cursor.accept("RETURNS"):
        cursor.accept("SETOF")
        returned = cursor.name()
        if returned is None:
            return UNKNOWN, None
        # A type of the dump's own that is called so has its schema before it.
        if returned.name == "event_trigger" and returned.schema in ("", "pg_catalog"):
            kind = "CREATE FUNCTION RETURNS EVENT_TRIGGER"
    while cursor.peek() is not None:
        if cursor.accept("LANGUAGE"):
            token = cursor.take()
            return (kind if _is_known_language(token) else "CREATE FUNCTION IN ANOTHER LANGUAGE"), target
        if not cursor.pass_parentheses():
            cursor.take()
    return UNKNOWN, None


def _is_known_language(token: Token | None) -> bool:
    return token is not None and token.kind is not TokenKind.OPAQUE and token.text in _LANGUAGES


def _other_target(cursor: Cursor, made: str) -> Name | None:
    """What is made by a CREATE whose object has no qualified name of its own right behind the word for it."""
    if made in ("INDEX", "POLICY", "RULE", "TRIGGER"):
        return _on_table(cursor, made)
    if made in _WITHOUT_NAME:
        return None
    cursor.accept("IF NOT EXISTS")
    target = cursor.name()
    if made == "EXTENSION" and cursor.accept("WITH SCHEMA") and cursor.identifier() is None:
        return None
    if made in _MADE_UNLESS_THERE and not cursor.at_end():
        return None
    return target


def _on_table(cursor: Cursor, made: str) -> Name | None:
    """An index by its name in the schema of its table; for a trigger, a rule and a policy the table."""
    if cursor.next_is("ON") or cursor.next_is("CONCURRENTLY"):
        return None
    name = cursor.identifier()
    if made == "RULE" and cursor.accept("AS ON"):
        cursor.take()
    while made == "TRIGGER" and cursor.peek() is not None and not cursor.next_is("ON"):
        cursor.take()
    if not cursor.accept("TO" if made == "RULE" else "ON"):
        return None
    cursor.accept("ONLY")
    table = cursor.name()
    if made == "INDEX" and name is not None and table is not None:
        return type(table)(table.schema, name)
    return table if name is not None else None


def _classify_comment(cursor: Cursor) -> Kind:
    """Comments are told apart by their objects; the target of one on a part of a table or domain is the whole."""
    if cursor.accept("COLUMN"):
        sort = "COLUMN"
        target = cursor.name_of_whole()
        known = cursor.accept(".") and cursor.identifier() is not None
    elif cursor.accept("CONSTRAINT"):
        cursor.identifier()
        known = cursor.accept("ON")
        # A schema may be called domain.
        on_domain = not cursor.next_is("DOMAIN .") and cursor.accept("DOMAIN")
        sort = "CONSTRAINT ON DOMAIN" if on_domain else "CONSTRAINT"
        target = cursor.name()
    else:
        sort = object_kind(cursor) or ""
        if sort in ("POLICY", "RULE", "TRIGGER"):
            cursor.identifier()
            known, target = cursor.accept("ON"), cursor.name()
        elif sort in _NAMELESS:
            known, target = _pass_nameless(cursor, sort), None
        else:
            target = cursor.name()
            known = pass_shape(cursor, sort)
    if not known or not sort or (target is None and sort not in _NAMELESS) or not _is_text(cursor):
        return UNKNOWN, None
    return f"COMMENT ON {sort}", target


_NAMELESS = frozenset({"CAST", "LARGE OBJECT", "TRANSFORM"})
"""Objects without a name."""


def _pass_nameless(cursor: Cursor, sort: str) -> bool:
    """Pass what stands for such an object instead of a name, and say whether it was there."""
    if sort == "CAST":
        return cursor.pass_parentheses()
    while not cursor.at_end() and not cursor.next_is("IS"):
        cursor.take()
    return True


def _is_text(cursor: Cursor) -> bool:
    """Whether `IS` and one string, or NULL, is all that is left."""
    if not cursor.accept("IS"):
        return False
    if cursor.accept("NULL"):
        return cursor.at_end()
    token = cursor.take()
    return token is not None and token.kind in (TokenKind.STRING, TokenKind.OPAQUE) and cursor.at_end()
