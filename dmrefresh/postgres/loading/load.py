"""Loading: the dump's statements and rows, into the publishing transaction."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from dmrefresh.dump.definitions.schema import schema_of_extension
from dmrefresh.dump.definitions.settings import setting_of
from dmrefresh.dump.events import End, Event, Head, Name, Statement, TableData
from dmrefresh.dump.judging.course import as_pg_dump_orders
from dmrefresh.dump.judging.deciding import check
from dmrefresh.dump.judging.policy import Action
from dmrefresh.dump.text.encodings import codec_of
from dmrefresh.errors import DumpDamaged, DumpRefused
from dmrefresh.observer import Observer
from dmrefresh.postgres import Connection, moved_aside
from dmrefresh.postgres.failures import translated
from dmrefresh.postgres.loading import brought_extensions, carried_types, copying

_HELD_BACK = "ALTER TABLE FORCE ROW LEVEL SECURITY"
"""Forced row-level security would hide rows from the checks; it is switched on after them."""

_OF_SCHEMAS = ("CREATE SCHEMA", "COMMENT ON SCHEMA")
OF_THE_SESSION = ("SET", "SELECT SET_CONFIG")
"""Kinds of statements that hold for the session which executes them, and no other."""


class Loader:
    """Executes statements and copies rows.

    Args:
        connection: the publishing transaction.
        head: the dump's Head.
        observer: is told of rows.
        extensions_inside: whether extensions may be made in the schemas that the dump brings.
        telling: what the server refuses of a statement is told by; by its place in the dump if by nothing else.

    Attributes:
        rows: rows loaded, by table.
        left_out: statements that the policy leaves out, counted by kind.
        carried, changed: names of types that kept their identity, or could not.
        made_schemas: schemas that the swap has made anew already.
        encoding: of the rows, as the server names it.
    """

    def __init__(
        self,
        connection: Connection,
        head: Head,
        observer: Observer,
        *,
        extensions_inside: bool = False,
        telling: Callable[[Statement], AbstractContextManager[None]] | None = None,
    ) -> None:
        self.connection = connection
        self.head = head
        self.observer = observer
        self.extensions_inside = extensions_inside
        self._telling = telling or _by_place
        self.rows: dict[Name, int] = {}
        self.left_out: Counter[str] = Counter()
        self.carried: list[str] = []
        self.changed: list[str] = []
        self.made_schemas: set[str] = set()
        self._held_back: list[Statement] = []
        self._settings: list[Statement] = []
        self._refreshes: list[Statement] = []
        self._kept_schemas: set[str] = set()
        self._codec = codec_of(head.encoding)
        self.encoding = "UTF8" if self._codec == "utf-8" else head.encoding

    def load(self, stream: Iterator[Event]) -> None:
        """Execute the Head's statements, then everything that follows, up to the End.

        Raises:
            DumpRefused: a statement after the Head is one that is never executed.
            DumpDamaged: the stream ends without an End.
            ChecksFailed: the server counted other rows than it was given.
            Failure: whatever the server refuses, and whatever the stages before raise.
        """
        stream = as_pg_dump_orders(self.head, stream)
        for statement in self.head.statements:
            self.execute(statement)
        for event in until_end(stream):
            if isinstance(event, TableData):
                self.copy(event, stream)
            else:
                self.execute(event)

    def execute_held_back(self) -> None:
        """Execute what had to wait until the checks were done."""
        for statement in self._held_back:
            self.run(statement)

    def refresh_again(self, connection: Connection) -> None:
        """Fill the materialised views once more, in the dump's order: what they are made of has changed.

        Raises:
            Failure: the server refuses it.
        """
        for statement in self._refreshes:
            self.run(statement, connection)

    def is_wanted(self, statement: Statement) -> bool:
        """Whether a statement is to be executed now; what is left out is counted, what is held back is kept.

        Raises:
            DumpRefused: it is never executed.
        """
        if check(statement).action is Action.LEAVE_OUT:
            self.left_out[statement.kind] += 1
            return False
        if statement.kind == _HELD_BACK:
            self._held_back.append(statement)
            return False
        if statement.kind == "REFRESH MATERIALIZED VIEW":
            self._refreshes.append(statement)
        # The connection stays in UTF-8, where every name of the target can be written.
        return statement.kind != "SET" or (setting_of(statement.sql) or ("",))[0] != "client_encoding"

    def execute(self, statement: Statement) -> None:
        """Do with a statement what the policy says.

        Raises:
            DumpRefused: it is never executed.
            Failure: the server refuses it.
        """
        if not self.is_wanted(statement):
            return
        if statement.kind == "CREATE EXTENSION":
            self._ensure_extension(statement)
        elif statement.kind in _OF_SCHEMAS and statement.target and self._is_there(statement):
            self.left_out[statement.kind] += 1
        else:
            self.run(statement)
            if statement.kind in ("CREATE TYPE", "CREATE DOMAIN") and statement.target is not None:
                self._carry_over(statement.target)
            elif statement.kind in OF_THE_SESSION:
                self._settings.append(statement)

    def prepare(self, connection: Connection) -> None:
        """Set for another session what the dump has set for the loader's own so far.

        Raises:
            Failure: the server refuses it.
        """
        for statement in self._settings:
            self.run(statement, connection)

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

    def run(self, statement: Statement, connection: Connection | None = None) -> None:
        """Execute a statement as it is, on the loader's own connection if no other is given.

        Raises:
            Failure: the server refuses it.
        """
        with self._telling(statement):
            # The extended protocol, which a binary result brings about, takes one statement and no more.
            (connection or self.connection).execute(self._in_utf8(statement), binary=True)

    def _in_utf8(self, statement: Statement) -> bytes:
        """A statement in the connection's encoding. Only rows are sent in that of the dump, for the server to read."""
        with contextlib.suppress(UnicodeDecodeError):
            return statement.sql.decode(self._codec).encode()
        raise DumpRefused(f"The statement at {statement.place} is not in the encoding that the dump says it has.")

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
            self.run(statement)
        else:
            raise brought_extensions.absent(name)

    def _refuse_in_the_way(self, statement: Statement, name: str) -> None:
        """An extension inside a schema that is swapped would be in the way of every later refresh."""
        schema = schema_of_extension(self._in_utf8(statement), "utf-8")
        if schema is not None and schema in self.head.schema.schemas and not self.extensions_inside:
            raise brought_extensions.inside(name, schema)

    def _carry_over(self, made: Name) -> None:
        with translated(f"while the type {made} was carried over"):
            carried = carried_types.carry_over(self.connection, made, moved_aside.name_for(made.schema))
        if carried is not None:
            (self.carried if carried else self.changed).append(str(made))

    def copy(self, block: TableData, stream: Iterator[Event]) -> None:
        """Give the server all rows of one COPY of the dump.

        With FREEZE, the rows are visible to every snapshot once they are committed; without it, one from
        before the swap would see empty tables. A partitioned table takes no FREEZE (COPY).
        """
        table = self.head.schema.tables.get(block.table)
        rows = copying.rows_of(block, stream, self.observer)
        frozen = table is None or not table.partitioned
        self.count(block.table, copying.copy(self.connection, block, rows, self.encoding, frozen=frozen))

    def count(self, table: Name, rows: int) -> None:
        """Note that so many rows of a table have been loaded."""
        self.rows[table] = self.rows.get(table, 0) + rows


def _by_place(statement: Statement) -> AbstractContextManager[None]:
    return translated(f"at the {statement.kind} of the dump's {statement.place}")


def until_end(stream: Iterator[Event]) -> Iterator[Statement | TableData]:
    """The events behind a Head up to the End.

    Raises:
        DumpDamaged: there is no End, or something behind it.
    """
    for event in stream:
        if isinstance(event, End):
            break
        if isinstance(event, Statement | TableData):
            yield event
    else:
        raise DumpDamaged("The dump ends before its end marker.")
    if next(stream, None) is not None:
        raise DumpDamaged("Something follows the end of the dump.")
