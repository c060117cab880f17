"""Reads a plain dump of pg_dump into events: the Head, rows and statements, the End.

Nothing passes that is not understood, and the End comes only behind the dump's own end marker.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from dmrefresh.dump.definitions import copy_header
from dmrefresh.dump.definitions.schema import read_schema
from dmrefresh.dump.definitions.settings import setting_of
from dmrefresh.dump.definitions.statements import classify
from dmrefresh.dump.events import End, Head, Place, Schema, Statement, TableData
from dmrefresh.dump.text import formats
from dmrefresh.dump.text.encodings import codec_of
from dmrefresh.dump.text.frame import Frame
from dmrefresh.dump.text.lexer import Sql, lex
from dmrefresh.dump.text.limits import Limits
from dmrefresh.dump.text.rows import Rows, RowsUnreadable
from dmrefresh.dump.text.tokens import NotInEncoding, decoded
from dmrefresh.errors import DumpDamaged, DumpRefused

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dmrefresh.dump.events import Event, Name


def read_dump(blocks: Iterable[bytes], *, limits: Limits | None = None) -> Iterator[Event]:
    """Read a dump.

    Args:
        blocks: its plain text, cut anywhere.
        limits: how much may be held in memory before it is refused.

    Yields:
        A Head with everything before the first row; then statements and rows in the dump's order, all
        statements, whatever the policy will say to them; then the End. Rows come in blocks of about 1 MiB.

    Raises:
        DumpDamaged: the text ends before its end marker.
        DumpRefused: it is another format, or holds what no plain dump of PostgreSQL 12 or later holds, or rows
            that could not be sanitised: INSERT, or a table the dump does not create.
    """
    yield from _Reader(limits or Limits()).read(blocks)


class _Reader:
    """What must be remembered while a dump is read."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.frame = Frame()
        self.encoding = ""
        self.codec = "ascii"
        self.strings_are_told = False
        self.schema = Schema()
        self.views: set[Name] = set()
        self.watching: set[Name] = set()
        self.head_size = 0
        self.rows = 0

    def read(self, blocks: Iterable[bytes]) -> Iterator[Event]:
        text = _recognised(blocks)
        pieces = self.frame.inside(lex(text, self.limits))
        statements = []
        first: list[Sql] = []
        for piece in pieces:
            assert isinstance(piece, Sql), "rows only follow a COPY"
            statement = self._statement(piece)
            if statement.kind == "COPY":
                first.append(piece)
                break
            self._bound_head(piece)
            statements.append(statement)
        yield self._head(tuple(statements))
        yield from self._body(chain(first, pieces))
        yield End(self.rows, self.frame.size, self.frame.tail)

    def _body(self, pieces: Iterator[Sql | Rows]) -> Iterator[Event]:
        for piece in pieces:
            assert isinstance(piece, Sql), "rows only follow a COPY"
            statement = self._statement(piece)
            if statement.kind == "COPY":
                yield from self._table_data(statement, pieces)
            else:
                yield statement

    def _statement(self, piece: Sql) -> Statement:
        """Classify a statement; refuse those that the reading itself could not survive."""
        try:
            kind, target = classify(piece.text, self.codec)
            decoded(piece.text, self.codec)
        except NotInEncoding:
            raise _not_in_encoding(piece.place) from None
        if kind == "INSERT":
            raise DumpRefused(
                f"The dump holds its rows as INSERT statements, from {piece.place} on; nothing sanitises these.",
                hint="make the dump without --inserts, --column-inserts, --rows-per-insert and "
                "--on-conflict-do-nothing, so that it holds COPY",
            )
        if kind == "SET":
            self._setting(piece)
        if kind == "CREATE VIEW" and target is not None:
            self.views.add(target)
        if kind == "CREATE OR REPLACE VIEW" and target not in self.views:
            # --clean writes this before its DROPs, to take a view's dependencies from it.
            kind = "CREATE OR REPLACE VIEW BEFORE CREATE"
        if kind == "CREATE FUNCTION RETURNS EVENT_TRIGGER" and target is not None:
            self.watching.add(target)
        if kind == "COMMENT ON FUNCTION" and target in self.watching:
            # Such a function is left out, and has no arguments; another of its name is told by what they are.
            kind = "COMMENT ON FUNCTION RETURNS EVENT_TRIGGER" if b"() IS " in piece.text else kind
        return Statement(piece.text, kind, target, piece.place, piece.lead)

    def _setting(self, piece: Sql) -> None:
        if piece.text.lower().startswith(b"set search_path"):
            raise copy_header.names_without_schema("SET", piece.place)
        found = setting_of(piece.text)
        if found is None:
            return
        name, value = found
        if name == "standard_conforming_strings" and value != "on":
            raise DumpRefused(
                f"The dump was made with standard_conforming_strings off ({piece.place}): its strings cannot be "
                "told from what follows them.",
                hint="make the dump with: PGOPTIONS='-c standard_conforming_strings=on' pg_dump",
            )
        self.strings_are_told = self.strings_are_told or name == "standard_conforming_strings"
        if name == "client_encoding":
            codec = codec_of(value)
            if self.encoding and value != self.encoding:
                raise DumpRefused(f"The dump changes its client_encoding at {piece.place}.")
            self.encoding, self.codec = value, codec

    def _bound_head(self, piece: Sql) -> None:
        self.head_size += len(piece.text) + len(piece.lead)
        if self.head_size > self.limits.head:
            raise DumpRefused(
                f"The statements before the first row are more than {self.limits.head} bytes at {piece.place}.",
                hint="if this dump is meant to hold them, raise head_mib under [limits] in dmrefresh.toml",
            )

    def _head(self, statements: tuple[Statement, ...]) -> Head:
        if not self.frame.server_version or not self.frame.dump_version:
            raise DumpRefused("The dump does not say which PostgreSQL and which pg_dump it comes from.")
        if not self.encoding:
            raise DumpRefused("The dump does not say which client_encoding it is written in.")
        if not self.strings_are_told:
            raise DumpRefused(
                "The dump does not say that standard_conforming_strings is on: a server where it is off would read "
                "its strings in another way.",
                hint="take the dump as pg_dump wrote it",
            )
        self.schema = read_schema(statements, self.codec)
        return Head(
            server_version=self.frame.server_version,
            dump_version=self.frame.dump_version,
            encoding=self.encoding,
            schema=self.schema,
            statements=statements,
        )

    def _table_data(self, statement: Statement, pieces: Iterator[Sql | Rows]) -> Iterator[TableData]:
        try:
            table, columns = copy_header.read_header(statement, self.schema, self.codec)
        except NotInEncoding:
            raise _not_in_encoding(statement.place) from None
        lead, header = statement.lead, statement.sql + b";\n"
        try:
            for piece in pieces:
                assert isinstance(piece, Rows), "rows follow a COPY"
                if self.codec == "utf-8" and self.encoding.lower() == "sql_ascii":
                    _refuse_invalid_utf8(piece, table)
                self.rows += piece.count
                yield TableData(table, columns, piece.data, piece.count, piece.place, piece.last, lead, header)
                if piece.last:
                    return
                lead = header = b""
        except RowsUnreadable as trouble:
            raise _rows_failure(trouble, table) from None


def _recognised(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The same text, once its beginning has been seen to be that of a plain dump."""
    source = iter(blocks)
    beginning = b""
    for block in source:
        beginning += block
        if len(beginning) >= formats.ENOUGH:
            break
    formats.refuse_other_formats(formats.without_byte_order_mark(beginning))
    yield beginning
    yield from source


def _not_in_encoding(place: Place) -> DumpRefused:
    return DumpRefused(f"A statement at {place} is not in the encoding that the dump says it has.")


def _refuse_invalid_utf8(piece: Rows, table: Name) -> None:
    """A dump in SQL_ASCII may hold anything; a server would store it unseen, and readers would fail on it."""
    try:
        piece.data.decode("utf-8")
    except UnicodeDecodeError as error:
        place = Place(piece.place.line + piece.data.count(b"\n", 0, error.start), piece.place.offset + error.start)
    else:
        return
    raise DumpRefused(
        f"The rows of {table} hold bytes that are not UTF-8 at {place}, and the dump says SQL_ASCII.",
        hint="find the encoding of these bytes, correct them in the source, and make the dump again",
    )


def _rows_failure(trouble: RowsUnreadable, table: Name) -> DumpDamaged | DumpRefused:
    if trouble.damaged:
        return DumpDamaged(f"The dump ends inside the rows of {table}, {trouble.place}.")
    return DumpRefused(
        f"The rows of {table} cannot be read: row {trouble.row}, {trouble.place}: {trouble.what}.",
        hint="copy the dump as binary, or make it again",
    )
