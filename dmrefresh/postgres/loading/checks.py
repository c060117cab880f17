"""What must hold before the commit, in this order: deferred constraints, then sequences, then statistics.

The rows given were compared with the server's own count as each table ended; a count(*) would be falsified
by row-level security.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from psycopg import sql

from dmrefresh.errors import ChecksFailed
from dmrefresh.postgres import Connection
from dmrefresh.postgres.loading.crew import Job, crew

# Sequences that belong to a column of a whole-number type in a unique index, the column's table, and whether that is
# partitioned; not those that begin again at their end, which are behind their column from then on.
_SEQUENCES = """
SELECT s.relname, t.relname, a.attname, sn.nspname, t.relkind = 'p'
FROM pg_catalog.pg_class s
JOIN pg_catalog.pg_namespace sn ON sn.oid = s.relnamespace
JOIN pg_catalog.pg_sequence q ON q.seqrelid = s.oid
JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = s.oid
     AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.deptype IN ('a', 'i')
JOIN pg_catalog.pg_class t ON t.oid = d.refobjid
JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
WHERE s.relkind = 'S' AND sn.nspname = ANY (%s) AND q.seqincrement > 0 AND NOT q.seqcycle
  AND EXISTS (SELECT FROM pg_catalog.pg_index i
              WHERE i.indrelid = t.oid AND i.indisunique AND a.attnum = ANY (i.indkey::pg_catalog.int2[]))
  AND a.atttypid IN ('int2'::pg_catalog.regtype, 'int4'::pg_catalog.regtype, 'int8'::pg_catalog.regtype)
"""


def constraints(connection: Connection) -> None:
    """Check what is deferred now: at the commit it would be too late to say anything about it.

    Raises:
        psycopg.errors.IntegrityError: a deferred constraint does not hold.
    """
    connection.execute("SET CONSTRAINTS ALL IMMEDIATE")


def sequences(connection: Connection, schemas: Sequence[str]) -> None:
    """Check that the next value of each owned sequence is above the greatest one in its column.

    Raises:
        ChecksFailed: one would give a number that is taken.
    """
    for name, table, column, schema, partitioned in connection.execute(_SEQUENCES, (list(schemas),)).fetchall():
        row = connection.execute(
            sql.SQL(
                "SELECT s.last_value - CASE WHEN s.is_called THEN 0 ELSE 1 END >= coalesce(m.top, s.last_value - 1) "
                "FROM {} s, (SELECT max({}) AS top FROM {} {}) m"
            ).format(
                sql.Identifier(schema, name),
                sql.Identifier(column),
                sql.SQL("" if partitioned else "ONLY"),  # what inherits has keys of its own
                sql.Identifier(schema, table),
            )
        ).fetchone()
        if row is not None and not row[0]:
            raise ChecksFailed(
                f"The sequence {name} is behind the numbers in {table}.{column}: new rows would collide.",
                hint="set the sequence right in production (setval), then make a new dump",
            )


def analyse(connection: Connection, schemas: Sequence[str], beside: Sequence[Connection] = ()) -> None:
    """Gather the planner's statistics, which the dump does not bring, before anybody plans a query.

    Args:
        connection: knows which tables there are, and gathers if nobody else does.
        schemas: whose tables.
        beside: sessions that see the rows too; they share the tables among them.
    """
    rows = connection.execute(
        "SELECT n.nspname, c.relname FROM pg_catalog.pg_class c "
        "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = ANY (%s) AND c.relkind IN ('r', 'p', 'm') ORDER BY 1, 2",
        (list(schemas),),
    ).fetchall()
    if not beside:
        for table in rows:
            _analyse(table, connection)
        return
    with crew(beside) as sessions:
        for table in rows:
            sessions.submit(Job(partial(_analyse, table), {}))
        sessions.drain()


def _analyse(table: tuple[str, str], connection: Connection, _: object = None) -> None:
    connection.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(*table)))
