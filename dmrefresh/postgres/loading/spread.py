"""Loading over several sessions: into a database that nobody else sees, where each step may be committed.

The Head's statements are executed by one session and committed. Then each table's rows go to one of the others, so
that the next table's can be sent while the server still works on the last one; and what follows the rows, indexes,
keys and foreign keys, is made side by side as far as `independence` allows. What comes last, checks and rights, is the
strategy's own transaction again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from psycopg import sql

from dmrefresh.dump.events import Event, Name, Statement, TableData
from dmrefresh.dump.judging.course import as_pg_dump_orders
from dmrefresh.postgres import Connection
from dmrefresh.postgres.failures import translated
from dmrefresh.postgres.loading import copying
from dmrefresh.postgres.loading.commit import refuse_ended
from dmrefresh.postgres.loading.crew import Crew, Job, crew
from dmrefresh.postgres.loading.independence import Independence
from dmrefresh.postgres.loading.load import OF_THE_SESSION, Loader, until_end

# What a row of a table may call beside the server's own functions and those of extensions: everything that the table,
# its checks, its domains and its computed columns depend on, and they in turn.
_CALLING = """
WITH RECURSIVE reached (root, classid, objid) AS (
    SELECT c.oid, c.tableoid, c.oid FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = ANY (%(schemas)s) AND c.relkind IN ('r', 'p')
    UNION
    SELECT r.root, x.classid, x.objid
    FROM reached r CROSS JOIN LATERAL (
        SELECT d.refclassid, d.refobjid FROM pg_catalog.pg_depend d
        WHERE d.classid = r.classid AND d.objid = r.objid
          AND d.refclassid NOT IN ('pg_catalog.pg_namespace'::pg_catalog.regclass,
                                   'pg_catalog.pg_extension'::pg_catalog.regclass)
        UNION ALL
        SELECT k.tableoid, k.oid FROM pg_catalog.pg_constraint k
        WHERE r.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND k.conrelid = r.objid
        UNION ALL
        SELECT k.tableoid, k.oid FROM pg_catalog.pg_constraint k
        WHERE r.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND k.contypid = r.objid
        UNION ALL
        SELECT a.tableoid, a.oid FROM pg_catalog.pg_attrdef a
        JOIN pg_catalog.pg_attribute t ON t.attrelid = a.adrelid AND t.attnum = a.adnum AND t.attgenerated <> ''
        WHERE r.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND a.adrelid = r.objid
    ) x (classid, objid)
)
SELECT n.nspname, c.relname
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY (%(schemas)s) AND c.relkind IN ('r', 'p') AND (
    EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid)
    OR EXISTS (SELECT FROM reached r WHERE r.root = c.oid AND r.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
               AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                               WHERE d.classid = r.classid AND d.objid = r.objid AND d.deptype = 'e')))
"""


def load(loader: Loader, others: Sequence[Connection], stream: Iterator[Event], xid: str) -> None:
    """Load what follows the Head, and the Head itself.

    Args:
        loader: has the session with the transaction that is to make the Head's objects; it is committed here, and
            what the loader holds back waits for the next one.
        others: the sessions that load beside it, in autocommit mode.
        stream: the events behind the Head.
        xid: the number of the open transaction.

    Raises:
        Failure: as from `Loader.load`; what was committed until then stays behind.
    """
    stream = as_pg_dump_orders(loader.head, stream)
    for statement in loader.head.statements:
        loader.execute(statement)
    with translated("after the tables were made"):
        calling = _calling(loader.connection, loader.head.schema.schemas)
        refuse_ended(loader.connection, xid)
        loader.connection.execute("COMMIT")
        for connection in others:
            # Durable with the next commit that waits for the disk, which is that of the checks.
            connection.execute("SET synchronous_commit = off")
            loader.prepare(connection)
    with crew(others) as sessions:
        _Spreading(loader, sessions, others, calling).follow(stream)
        sessions.drain()


class _Spreading:
    """The way through what follows the Head."""

    def __init__(self, loader: Loader, sessions: Crew, others: Sequence[Connection], calling: set[Name]) -> None:
        self.loader = loader
        self.sessions = sessions
        self.others = others
        self.calling = calling
        self.independence = Independence(loader.head, calling)
        self.with_rows: set[Name] = set()

    def follow(self, stream: Iterator[Event]) -> None:
        """Have everything done up to the End, in the dump's order where that matters."""
        for event in until_end(stream):
            if isinstance(event, TableData):
                self._rows(event, stream)
                continue
            needs = self.independence.of(event)
            if needs is not None:
                if self.loader.is_wanted(event):
                    self.sessions.submit(Job(self._executing(event), needs))
                continue
            self.sessions.drain()
            self.loader.execute(event)
            if event.kind in OF_THE_SESSION:
                for connection in self.others:
                    self.loader.prepare(connection)

    def _executing(self, statement: Statement) -> Callable[[Connection, object], None]:
        return lambda connection, _: self.loader.run(statement, connection)

    def _rows(self, first: TableData, stream: Iterator[Event]) -> None:
        """Give one COPY of the dump to a session; rows that may call code of the dump's go alone."""
        frozen = self._may_freeze(first.table) and first.table not in self.calling
        self.with_rows.add(first.table)
        blocks = self._counted(copying.rows_of(first, stream, self.loader.observer))
        fill = partial(_fill, first, self.loader.encoding, frozen)
        needs = self.independence.of_rows(first.table)
        if needs is None:
            self.sessions.drain()
            fill(self.loader.connection, blocks)
        else:
            self.sessions.give(Job(fill, needs), blocks)

    def _counted(self, blocks: Iterator[TableData]) -> Iterator[TableData]:
        for block in blocks:
            self.loader.count(block.table, block.count)
            yield block

    def _may_freeze(self, name: Name) -> bool:
        """Whether a table's rows may go frozen: nothing was put into it so far, itself or through what it is a part of.

        A partitioned table takes no FREEZE.
        """
        table = self.loader.head.schema.tables[name]
        if table.partitioned or name in self.with_rows:
            return False
        return not any(self._has_rows(parent) for parent in table.parents)

    def _has_rows(self, name: Name) -> bool:
        parents = self.loader.head.schema.tables[name].parents
        return name in self.with_rows or any(self._has_rows(parent) for parent in parents)


def _fill(first: TableData, encoding: str, frozen: bool, connection: Connection, blocks: Iterator[TableData]) -> None:
    """Give a session one COPY of the dump; into an empty table, the rows go frozen, as if it had just been made."""
    if not frozen:
        copying.copy(connection, first, blocks, encoding, frozen=False)
        return
    with translated(f"while the rows of {first.table} were loaded"):
        connection.execute("BEGIN")
        table = sql.Identifier(first.table.schema, first.table.name)
        connection.execute(sql.SQL("TRUNCATE ONLY {}").format(table))
        copying.copy(connection, first, blocks, encoding, frozen=True)
        connection.execute("COMMIT")


def _calling(connection: Connection, schemas: Sequence[str]) -> set[Name]:
    return {Name(*row) for row in connection.execute(_CALLING, {"schemas": list(schemas)})}
