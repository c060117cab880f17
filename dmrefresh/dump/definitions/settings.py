"""The SET and SELECT statements with which pg_dump prepares a session and sets sequences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmrefresh.dump.text.kinds import UNKNOWN
from dmrefresh.dump.text.tokens import Cursor, Token, TokenKind

if TYPE_CHECKING:
    from dmrefresh.dump.events import Name

_SCHEMA_OF_FUNCTIONS = "pg_catalog"


def setting_of(sql: bytes) -> tuple[str, str] | None:
    """Name and value of a plain `SET name = value`; None where the statement is anything else."""
    cursor = Cursor(sql, "latin-1")
    cursor.accept("SET")
    name = cursor.take()
    if name is None or name.kind is not TokenKind.WORD or not (cursor.accept("=") or cursor.accept("TO")):
        return None
    value = cursor.take()
    if value is None or value.kind is TokenKind.OPAQUE or not cursor.at_end():
        return None
    return name.text, value.text


def classify_select(cursor: Cursor, codec: str) -> tuple[str, Name | None]:
    """The kind of a SELECT, of which that word has been passed: pg_dump only calls functions of the server."""
    cursor.accept("* FROM")
    function = cursor.name()
    if function is None or function.schema != _SCHEMA_OF_FUNCTIONS:
        return UNKNOWN, None
    if function.name in ("setval", "set_config"):
        arguments = cursor.parenthesised()
        if arguments is None or not cursor.at_end():
            return UNKNOWN, None
        if function.name == "setval":
            return _setval(arguments, codec)
        shape = [(token.kind, token.text) for token in arguments]
        return ("SELECT SET_CONFIG", None) if shape == _EMPTY_SEARCH_PATH else (UNKNOWN, None)
    if not cursor.pass_parentheses():
        return UNKNOWN, None
    if function.name.startswith("lo_") or function.name in ("lowrite", "loread"):
        return "SELECT LARGE OBJECT", None
    if function.name.startswith("pg_restore_") and function.name.endswith("_stats"):
        return "SELECT STATISTICS", None
    return UNKNOWN, None


_EMPTY_SEARCH_PATH = [
    (TokenKind.STRING, "search_path"),
    (TokenKind.SYMBOL, ","),
    (TokenKind.STRING, ""),
    (TokenKind.SYMBOL, ","),
    (TokenKind.WORD, "false"),
]


def _setval(arguments: list[Token], codec: str) -> tuple[str, Name | None]:
    """`setval('schema.sequence', 12, true)` with exactly these; anything else could be an expression."""
    kinds = [token.kind for token in arguments if token.text != "-" or token.kind is not TokenKind.OPERATOR]
    comma = TokenKind.SYMBOL
    if kinds != [TokenKind.STRING, comma, TokenKind.NUMBER, comma, TokenKind.WORD]:
        return UNKNOWN, None
    inside = Cursor(arguments[0].text.encode(codec), codec)
    sequence = inside.name()
    if sequence is None or not sequence.schema or not inside.at_end():
        return UNKNOWN, None
    return "SELECT SETVAL", sequence
