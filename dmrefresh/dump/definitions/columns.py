"""Reads the columns between the parentheses of a CREATE TABLE, as pg_dump writes them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

from dmrefresh.dump.text.tokens import MOST_TOKENS, NotAsWritten, Token, TokenKind, decoded
from dmrefresh.postgres_facts import MOST_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_TABLE_CONSTRAINTS = frozenset({"check", "constraint", "foreign", "not", "primary", "unique"})
"""Reserved words: a column of such a name has quotes. (EXCLUDE may be a column's name, and has its own check.)"""

_AFTER_TYPE = frozenset(
    {
        "check",
        "collate",
        "compression",
        "constraint",
        "default",
        "generated",
        "not",
        "null",
        "primary",
        "references",
        "storage",
        "unique",
    }
)

_AS_THE_SERVER_WRITES = re.compile(
    r"character(?: varying)?\(([0-9]{1,9})\)"
    r"|numeric\([0-9]{1,4}(?:,-?[0-9]{1,4})?\)"
    r"|bit(?: varying)?\([0-9]{1,9}\)"
    r"|time(?:stamp)?\([0-9]\) with(?:out)? time zone"
)
"""Types with a number, as format_type writes them, and so pg_dump; the group is a length in characters."""


@dataclass(frozen=True, slots=True)
class Definition:
    """A column as written.

    Attributes:
        name: its name.
        type: its type, or empty where the table only adds to a column that it has from a type or a parent.
        not_null: whether NOT NULL stands behind it.
        generated: whether GENERATED ALWAYS AS (…) does; an identity is not generated.
        collated: whether COLLATE does, with another collation than those of pg_catalog.
    """

    name: str
    type: str
    not_null: bool = False
    generated: bool = False
    collated: bool = False


def read_columns(inside: Iterable[Token], sql: bytes, codec: str, *, typed: bool = True) -> list[Definition]:
    """The columns among the elements of a table.

    Args:
        inside: the tokens between the parentheses.
        sql: the statement they are from.
        codec: Python's name for its encoding.
        typed: whether each column must have a type; those of a table OF a type have none.

    Raises:
        NotAsWritten: an element is neither a column nor a constraint, or there are more columns than can be.
    """
    columns: dict[str, Definition] = {}
    refuse_null: dict[str, None] = {}
    for element in _split(outer_tokens(inside)):
        if len(columns) > MOST_COLUMNS or len(refuse_null) > MOST_COLUMNS:
            raise NotAsWritten
        if _is_constraint(element):
            # From PostgreSQL 18 on: CONSTRAINT its_name NOT NULL the_column, or without its name
            after_name = element[2:] if _word(element[0]) == "constraint" else element
            if [_word(token) for token in after_name[:2]] == ["not", "null"] and len(after_name) > 2:
                refuse_null[after_name[2].text] = None
            continue
        column = _column(element, sql, codec, typed=typed)
        if column.name in columns:
            raise NotAsWritten
        columns[column.name] = column
    for name in refuse_null:
        # A column that is not among these comes from a parent.
        columns[name] = replace(columns.get(name, Definition(name, "")), not_null=True)
    return list(columns.values())


def outer_tokens(tokens: Iterable[Token]) -> Iterator[Token]:
    """The tokens that are in no parentheses, and these: what is deeper, however much, says nothing about a column.

    Args:
        tokens: some that stand side by side in a statement.
    """
    depth = 0
    for token in tokens:
        symbol = _symbol(token)
        depth -= symbol in (")", "]")
        if depth <= 0:
            yield token
        depth += symbol in ("(", "[")


def type_of(after_name: list[Token], sql: bytes, codec: str) -> tuple[str, list[Token]]:
    """Split what stands behind a name into the text of its type and the tokens after that."""
    end = depth = 0
    for end, token in enumerate(after_name):
        if token.kind is TokenKind.SYMBOL:
            depth += (token.text in "([") - (token.text in ")]")
        elif (
            end > 0
            and not depth
            and _word(token) in _AFTER_TYPE
            and _symbol(after_name[end - 1]) != "."  # a type in a schema may have such a name
        ):
            break
    else:
        end = len(after_name)
    if not end:
        return "", after_name
    return decoded(sql[after_name[0].start : after_name[end - 1].end], codec), after_name[end:]


@cache
def max_length(written: str) -> int | None:
    """Characters that a value of this type may have; None where there is no such limit.

    sqlglot reads the type, in whichever of its spellings. It knows neither types of the dump itself nor
    those of extensions: they have no length that could be known, and fall through.
    """
    if "(" not in written:
        return 1 if written in ("character", "char") else None
    if of_the_server := _AS_THE_SERVER_WRITES.fullmatch(written):
        return int(of_the_server[1]) if of_the_server[1] else None
    # Only needed for other spellings, and its import takes longer than reading a whole schema.
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        parsed = exp.DataType.build(written, dialect="postgres")
    except SqlglotError:
        return None
    if parsed.this not in (exp.DataType.Type.VARCHAR, exp.DataType.Type.CHAR):
        return None
    lengths = [int(literal.name) for literal in parsed.find_all(exp.Literal) if literal.is_int]
    return lengths[0] if len(lengths) == 1 else None


def _split(inside: Iterable[Token]) -> Iterator[list[Token]]:
    """The elements between commas that are in no parentheses."""
    element: list[Token] = []
    depth = 0
    for token in inside:
        symbol = _symbol(token)
        depth += (symbol in ("(", "[")) - (symbol in (")", "]"))
        if symbol == "," and not depth:
            yield element
            element = []
        elif len(element) >= MOST_TOKENS:
            raise NotAsWritten
        else:
            element.append(token)
    if element:
        yield element


def _is_constraint(element: list[Token]) -> bool:
    if not element:
        raise NotAsWritten
    first = _word(element[0])
    if first == "exclude" and len(element) > 1:
        return _symbol(element[1]) == "(" or _word(element[1]) == "using"
    return first in _TABLE_CONSTRAINTS


def _column(element: list[Token], sql: bytes, codec: str, *, typed: bool) -> Definition:
    name, after = element[0], element[1:]
    if not name.is_name or _word(name) == "like":
        raise NotAsWritten
    written = ""
    if typed:
        written, after = type_of(after, sql, codec)
        if not written:
            raise NotAsWritten
    return said_of(name.text, written, after)


def said_of(name: str, written: str, after: list[Token]) -> Definition:
    """A column or a domain, by what stands behind its type.

    Args:
        name: the column's.
        written: the type.
        after: the tokens behind it.
    """
    words = [*_outer_words(after)]
    return Definition(
        name,
        written,
        not_null=_follow(words, "not", "null"),
        generated=_follow(words, "generated", "always", "as") and not _follow(words, "as", "identity"),
        collated=_is_collated([*outer_tokens(after)]),
    )


def _is_collated(tokens: list[Token]) -> bool:
    """Whether COLLATE, which pg_dump writes behind DEFAULT and NOT NULL, names a collation of somebody's making."""
    return any(_word(one) == "collate" and name.text != "pg_catalog" for one, name in pairwise(tokens))


def _outer_words(tokens: list[Token]) -> Iterator[str]:
    """The unquoted words that are in no parentheses and no part of a longer name, others as empty text."""
    depth = 0
    previous = ""
    for token in tokens:
        symbol = _symbol(token)
        depth += (symbol in ("(", "[")) - (symbol in (")", "]"))
        if not depth:
            yield "" if previous == "." else _word(token)
        previous = symbol


def _follow(words: list[str], *wanted: str) -> bool:
    """Whether these words stand side by side."""
    width = len(wanted)
    return any(tuple(words[start : start + width]) == wanted for start in range(len(words)))


def _word(token: Token) -> str:
    return token.text if token.kind is TokenKind.WORD else ""


def _symbol(token: Token) -> str:
    return token.text if token.kind is TokenKind.SYMBOL else ""
