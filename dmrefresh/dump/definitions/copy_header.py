"""Reads the statement above the rows of a table: COPY schema.table (columns) FROM stdin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmrefresh.dump.text.tokens import Cursor, TokenKind
from dmrefresh.errors import DumpRefused

if TYPE_CHECKING:
    from dmrefresh.dump.events import Name, Place, Schema, Statement

_WRITE_ANEW = "make the dump again with pg_dump 12 or newer, which reads older servers too"


def read_header(statement: Statement, schema: Schema, codec: str) -> tuple[Name, tuple[str, ...]]:
    """The table whose rows follow, and the columns in the order of the rows.

    Args:
        statement: the COPY.
        schema: what the statements before the first row said.
        codec: Python's name for the dump's encoding.

    Raises:
        NotInEncoding: a name is not in the encoding of the dump.
        DumpRefused: it is another COPY than pg_dump writes, or of a table or column that the dump does not create.
    """
    cursor = Cursor(statement.sql, codec)
    cursor.accept("COPY")
    table = cursor.name()
    columns = _column_list(cursor)
    with_oids = cursor.accept("WITH OIDS")
    if table is None or not cursor.accept("FROM stdin") or not cursor.at_end():
        raise DumpRefused(
            f"The dump holds a COPY at {statement.place} that does not read rows from the dump itself.",
        )
    if with_oids:
        raise DumpRefused(
            f"The rows of {table} at {statement.place} begin with object identifiers, which servers had before 12.",
            hint=_WRITE_ANEW,
        )
    if not table.schema:
        raise names_without_schema("COPY", statement.place)
    known = schema.tables.get(table)
    if known is None:
        raise DumpRefused(
            f"The dump holds rows of {table} at {statement.place} but does not create that table.",
            hint="make the dump without --data-only, so that it can be seen what its columns are",
        )
    stored = tuple(column.name for column in known.columns if not column.generated)
    if columns is None:
        return table, stored
    if len(set(columns)) != len(columns) or not set(columns) <= set(stored):
        raise DumpRefused(
            f"The rows of {table} at {statement.place} name columns that the dump does not create.",
        )
    return table, columns


def names_without_schema(kind: str, place: Place) -> DumpRefused:
    """What is raised where names are written for a search_path: pg_dump did so before 9.6.8 and 10.3.

    Args:
        kind: of the statement that shows it.
        place: where that is.
    """
    return DumpRefused(f"The dump holds a {kind} for names without their schemas at {place}.", hint=_WRITE_ANEW)


def _column_list(cursor: Cursor) -> tuple[str, ...] | None:
    inside = cursor.parenthesised()
    if inside is None:
        return None
    names = [token.text for token in inside[::2] if token.is_name]
    commas = [token.text for token in inside[1::2] if token.kind is TokenKind.SYMBOL and token.text == ","]
    if len(names) + len(commas) != len(inside) or len(names) != len(commas) + 1:
        return ("",)  # which no column can be called
    return tuple(names)
