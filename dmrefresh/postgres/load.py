"""Loading: the dump's statements and rows, into the publishing transaction."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql

from dmrefresh.dump.course import in_order
from dmrefresh.dump.deciding import check
from dmrefresh.dump.encodings import codec_of
from dmrefresh.dump.events import End, Event, Head, Name, Statement, TableData
from dmrefresh.dump.policy import Action
from dmrefresh.dump.schema import schema_of_extension
from dmrefresh.dump.settings import setting_of
from dmrefresh.errors import ChecksFailed, DumpDamaged, DumpRefused, TargetUnfit
from dmrefresh.observer import Observer
from dmrefresh.postgres import Connection, carried_types, previous
from dmrefresh.postgres.failures import translated

_HELD_BACK = "ALTER TABLE FORCE ROW LEVEL SECURITY"
"""Forced row-level security would hide rows from the checks; it is switched on after them."""

_OF_SCHEMAS = ("CREATE SCHEMA", "COMMENT ON SCHEMA")


class Loader:
    """Executes statements and copies rows.

    Args:
        connection: the publishing transaction.
        head: the dump's Head.
        observer: is told of rows.
        extensions_inside: whether extensions may be made in the schemas that the dump brings.

    Attributes:
        rows: rows loaded, by table.
        left_out: statements that the policy leaves out, counted by kind.
        carried, changed: names of types that kept their identity, or could not.
        made_schemas: schemas that the swap has made anew already.
    """

    def __init__(
        self, connection: Connection, head: Head, observer: Observer, *, extensions_inside: bool = False
    ) -> None:
        """Take what the docstring above says; nothing is executed yet."""
        self.connection = connection
        self.head = head
        self.observer = observer
        self.extensions_inside = extensions_inside
        self.rows: dict[Name, int] = {}
        self.left_out: Counter[str] = Counter()
        self.carried: list[str] = []
        self.changed: list[str] = []
        self.made_schemas: set[str] = set()
        self._held_back: list[Statement] = []
        self._kept_schemas: set[str] = set()
        self._codec = codec_of(head.encoding)
        self._encoding = "UTF8" if self._codec == "utf-8" else head.encoding

    def load(self, stream: Iterator[Event]) -> None:
        """Execute the Head's statements, then everything that follows, up to the End.

        Raises:
            DumpRefused: a statement after the Head is one that is never executed.
            DumpDamaged: the stream ends without an End.
            ChecksFailed: the server counted other rows than it was given.
            Failure: whatever the server refuses, and whatever the stages before raise.
        """
        stream = in_order(self.head, stream)
        for statement in self.head.statements:
            self._execute(statement)
        for event in stream:
            if isinstance(event, TableData):
                self._copy(event, stream)
            elif isinstance(event, Statement):
                self._execute(event)
            elif isinstance(event, End):
                break
        else:
            raise DumpDamaged("The dump ends before its end marker.")
        if next(stream, None) is not None:
            raise DumpDamaged("Something follows the end of the dump.")

    def execute_held_back(self) -> None:
        """Execute what had to wait until the checks were done."""
        for statement in self._held_back:
            self._run(statement)

    def _execute(self, statement: Statement) -> None:
        if check(statement).action is Action.LEAVE_OUT:
            self.left_out[statement.kind] += 1
            return
        if statement.kind == "SET" and (setting_of(statement.sql) or ("",))[0] == "client_encoding":
            return  # the connection stays in UTF-8, where every name of the target can be written
        if statement.kind == _HELD_BACK:
            self._held_back.append(statement)
        elif statement.kind == "CREATE EXTENSION":
            self._ensure_extension(statement)
        elif statement.kind in _OF_SCHEMAS and statement.target and self._is_there(statement):
            self.left_out[statement.kind] += 1
        else:
            self._run(statement)
            if statement.kind in ("CREATE TYPE", "CREATE DOMAIN") and statement.target is not None:
                self._carry_over(statement.target)

    def _is_there(self, statement: Statement) -> bool:
        """Whether a schema is there already: made by the swap, or the home of extensions, which stays as it is."""
        name = statement.target.name if statement.target else ""
        if name in self.head.schema.schemas:
            return statement.kind == "CREATE SCHEMA" and name in self.made_schemas
        if statement.kind == "CREATE SCHEMA":
            found = self.connection.execute("SELECT FROM pg_catalog.pg_namespace WHERE nspname = %s", (name,))
            if found.rowcount:
                self._kept_schemas.add(name)
        return name in self._kept_schemas

    def _run(self, statement: Statement) -> None:
        with translated(f"at the {statement.kind} of the dump's {statement.place}"):
            # The extended protocol, which a binary result brings about, takes one statement and no more.
            self.connection.execute(self._in_utf8(statement), binary=True)

    def _in_utf8(self, statement: Statement) -> bytes:
        """A statement in the connection's encoding. Only rows are sent in that of the dump, for the server to read."""
        with contextlib.suppress(UnicodeDecodeError):
            return statement.sql.decode(self._codec).encode()
        raise DumpRefused(f"The dump's statement at {statement.place} is not in the encoding that the dump says.")

    def _ensure_extension(self, statement: Statement) -> None:
        """An extension that is there is left as it is; one that is not must be there to be had."""
        name = statement.target.name if statement.target else ""
        row = self.connection.execute(
            "SELECT EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = %s), "
            "EXISTS (SELECT FROM pg_catalog.pg_available_extensions WHERE name = %s)",
            (name, name),
        ).fetchone()
        assert row is not None
        there, to_be_had = row
        if there:
            self.left_out[statement.kind] += 1
        elif to_be_had:
            self._refuse_in_the_way(statement, name)
            self._run(statement)
        else:
            raise TargetUnfit(
                f"The dump needs the extension {name}, which the target's server does not have.",
                hint="install it on the server",
            )

    def _refuse_in_the_way(self, statement: Statement, name: str) -> None:
        """An extension inside a schema that is swapped would be in the way of every later refresh."""
        schema = schema_of_extension(self._in_utf8(statement), "utf-8")
        if schema in self.head.schema.schemas and not self.extensions_inside:
            raise TargetUnfit(
                f"The dump makes the extension {name} in the schema {schema}, which no later refresh could swap.",
                hint=f"make it on the target in a schema of its own first: CREATE EXTENSION {name} SCHEMA …",
            )

    def _carry_over(self, made: Name) -> None:
        with translated(f"while the type {made} was carried over"):
            carried = carried_types.carry_over(self.connection, made, previous.name_for(made.schema))
        if carried is not None:
            (self.carried if carried else self.changed).append(str(made))

    def _copy(self, block: TableData, stream: Iterator[Event]) -> None:
        """Give the server all rows of one COPY of the dump.

        With FREEZE, the rows are visible to every snapshot once they are committed; without it, one from
        before the swap would see empty tables. A partitioned table takes no FREEZE (COPY).
        """
        table = self.head.schema.tables.get(block.table)
        frozen = table is None or not table.partitioned
        command = sql.SQL("COPY {} {}FROM STDIN{}").format(
            sql.Identifier(block.table.schema, block.table.name),
            _column_list(block.columns),
            sql.SQL(" WITH (ENCODING {}{})").format(self._encoding, sql.SQL(", FREEZE" if frozen else "")),
        )
        given = 0
        with translated(f"while the rows of {block.table} were loaded"):
            cursor = self.connection.cursor()
            with _copying(cursor, command) as copy:
                while True:
                    given += block.count
                    if block.count:
                        copy.write(block.rows)
                    self.observer.progress(str(block.table), given)
                    if block.last:
                        break
                    following = next(stream, None)
                    if not isinstance(following, TableData) or following.table != block.table:
                        raise DumpDamaged(f"The rows of {block.table} break off.")
                    block = following
        if cursor.rowcount != given:
            raise ChecksFailed(f"{block.table} was given {given} rows but the server took {cursor.rowcount}.")
        self.rows[block.table] = self.rows.get(block.table, 0) + given


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
