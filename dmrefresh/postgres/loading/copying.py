"""COPY: the rows of one table, from the dump to the server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql

from dmrefresh.dump.events import Event, TableData
from dmrefresh.errors import ChecksFailed, DumpDamaged
from dmrefresh.observer import Observer
from dmrefresh.postgres import Connection
from dmrefresh.postgres.failures import translated


def rows_of(first: TableData, stream: Iterator[Event], observer: Observer) -> Iterator[TableData]:
    """The blocks of one COPY of the dump.

    Args:
        first: the first of them.
        stream: what follows it, of which the others are taken.
        observer: is told of rows as the next block is asked for.

    Raises:
        DumpDamaged: they break off.
    """
    block, given = first, 0
    while True:
        yield block
        given += block.count
        observer.progress(str(block.table), given)
        if block.last:
            observer.passed(str(block.table), given)
            return
        following = next(stream, None)
        if not isinstance(following, TableData) or following.table != first.table:
            raise DumpDamaged(f"The rows of {first.table} break off.")
        block = following


def copy(connection: Connection, header: TableData, blocks: Iterable[TableData], encoding: str, *, frozen: bool) -> int:
    """Give the server rows of a table.

    Args:
        connection: where to.
        header: any block of the rows: it says which table and columns they are of.
        blocks: the rows; an exception in making them breaks the COPY off.
        encoding: of the rows, as the server names it.
        frozen: whether they are to be frozen, which only a table takes that this transaction has made or emptied.

    Returns:
        how many there were.

    Raises:
        ChecksFailed: the server counted other rows than it was given.
        Failure: it refuses them.
    """
    command = sql.SQL("COPY {} {}FROM STDIN{}").format(
        sql.Identifier(header.table.schema, header.table.name),
        _column_list(header.columns),
        sql.SQL(" WITH (ENCODING {}{})").format(encoding, sql.SQL(", FREEZE" if frozen else "")),
    )
    given = 0
    with translated(f"while the rows of {header.table} were loaded"):
        cursor = connection.cursor()
        with _copying(cursor, command) as sink:
            for block in blocks:
                given += block.count
                if block.count:
                    sink.write(block.rows)
    if cursor.rowcount != given:
        raise ChecksFailed(f"{header.table} was given {given} rows but the server took {cursor.rowcount}.")
    return given


class _BrokenOff(Exception):
    """What the server is told when the rows break off: nothing."""


@contextmanager
def _copying(cursor: psycopg.Cursor[tuple[Any, ...]], command: sql.Composed) -> Iterator[psycopg.Copy]:
    """A COPY that fails without a word: psycopg sends an exception's text to the server, and so to its log."""
    error: BaseException | None = None
    try:
        with cursor.copy(command) as copy:
            try:
                yield copy
            except BaseException as caught:
                error = caught
                raise _BrokenOff from None
    except (_BrokenOff, psycopg.Error):
        if error is None:
            raise
        raise error from None


def _column_list(columns: tuple[str, ...]) -> sql.Composable:
    if not columns:
        return sql.SQL("")
    return sql.SQL("({}) ").format(sql.SQL(", ").join(sql.Identifier(c) for c in columns))
