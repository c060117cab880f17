"""Loading: the dump's statements and rows, into the publishing transaction."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql

from dmrefresh.dump.events import End, Event, Head, Name, Statement, TableData
from dmrefresh.dump.policy import Action, check
from dmrefresh.errors import ChecksFailed, DumpDamaged, DumpRefused, TargetUnfit
from dmrefresh.observer import Observer
from dmrefresh.postgres import Connection, carried_types, previous
from dmrefresh.postgres.failures import translated

_HELD_BACK = "ALTER TABLE FORCE ROW LEVEL SECURITY"
"""Forced row-level security would hide rows from the checks; it is switched on after them."""


_AFTER_ALL_ROWS = ("ALTER TABLE ADD CONSTRAINT", "CREATE INDEX")
"""With the first of these, all rows have come: what is missing then is better said than met as a broken key."""
_INTO_SCHEMA = re.compile(rb'\bWITH SCHEMA ("[^"]+"|\w+)')


class Loader:
    """Executes statements and copies rows.

    Args:
        connection: the publishing transaction.
        head: the dump's Head.
        observer: is told of rows.

    Attributes:
        rows: rows loaded, by table.
        left_out: statements that the policy leaves out, counted by kind.
        carried, changed: names of types that kept their identity, or could not.
        made_schemas: schemas that the swap has made anew already.
    """

    def __init__(self, connection: Connection, head: Head, observer: Observer) -> None:
        """Take what the docstring above says; nothing is executed yet."""
        self.connection = connection
        self.head = head
        self.observer = observer
        self.rows: dict[Name, int] = {}
        self.left_out: Counter[str] = Counter()
        self.carried: list[str] = []
        self.changed: list[str] = []
        self.made_schemas: set[str] = set()
        self._held_back: list[Statement] = []

    def load(self, stream: Iterator[Event]) -> None:
        """Execute the Head's statements, then everything that follows, up to the End.

        Raises:
            DumpRefused: a statement after the Head is one that is never executed.
            DumpDamaged: the stream ends without an End.
            ChecksFailed: the server counted other rows than it was given.
            Failure: whatever the server refuses, and whatever the stages before raise.
        """
        for statement in self.head.statements:
            self._execute(statement)
        whole = False
        for event in stream:
            if isinstance(event, TableData):
                self._copy(event, stream)
            elif isinstance(event, Statement):
                self._refuse_late_table(event)
                if event.kind in _AFTER_ALL_ROWS and not whole:
                    self._refuse_partial()
                    whole = True
                self._execute(event)
            elif isinstance(event, End):
                break
        else:
            raise DumpDamaged("The dump ends before its end marker.")
        if next(stream, None) is not None:
            raise DumpDamaged("Something follows the end of the dump.")
        self._refuse_partial()

    def execute_held_back(self) -> None:
        """Execute what had to wait until the checks were done."""
        for statement in self._held_back:
            self._run(statement)

    def _refuse_late_table(self, statement: Statement) -> None:
        """All tables come before the first row: nobody has classified the columns of a later one."""
        if statement.kind == "CREATE TABLE":
            raise DumpRefused(f"The dump makes a table after the first rows, at {statement.place}.")

    def _refuse_partial(self) -> None:
        """pg_dump writes a COPY for every table, also an empty one, unless it was told to leave data out."""
        tables = self.head.schema.tables

        def has_rows(name: Name | None) -> bool:
            return name is not None and (name in self.rows or (name in tables and has_rows(tables[name].parent)))

        without = [str(t.name) for t in tables.values() if not t.partitioned and not has_rows(t.name)]
        if without:
            named = ", ".join(without[:10]) + (f" and {len(without) - 10} more" if len(without) > 10 else "")
            raise DumpRefused(
                f"The dump brings no data, not even an empty table's, for {named}.",
                hint="make it without --schema-only and --exclude-table-data",
            )

    def _execute(self, statement: Statement) -> None:
        decision = check(statement)
        if decision.action is Action.LEAVE_OUT:
            self.left_out[statement.kind] += 1
        elif statement.kind == _HELD_BACK:
            self._held_back.append(statement)
        elif statement.kind == "CREATE EXTENSION":
            self._ensure_extension(statement)
        elif statement.kind == "CREATE SCHEMA" and statement.target and statement.target.name in self.made_schemas:
            self.left_out[statement.kind] += 1
        else:
            self._run(statement)
            if statement.kind in ("CREATE TYPE", "CREATE DOMAIN") and statement.target is not None:
                self._carry_over(statement.target)

    def _run(self, statement: Statement) -> None:
        with translated(f"at the {statement.kind} of the dump's {statement.place}"):
            # The extended protocol, which a binary result brings about, takes one statement and no more.
            self.connection.execute(statement.sql, binary=True)

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
        into = _INTO_SCHEMA.search(statement.sql)
        schema = into[1].decode(errors="replace").strip('"') if into else None
        if schema in self.head.schema.schemas:
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
            sql.SQL(" WITH (FREEZE)" if frozen else ""),
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
