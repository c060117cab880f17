"""The previous data after a swap is dropped, in short transactions, and never by force; what goes with it is named.

Nothing of anybody else's is dropped along: before each batch its tables are locked, what outside depends on
them is looked for, and only then does CASCADE run, within what the swap itself moved aside.
"""

from __future__ import annotations

from collections.abc import Iterable

from psycopg import sql

from dmrefresh.errors import Failure, TargetUnfit
from dmrefresh.observer import Observer
from dmrefresh.postgres import Connection, lock
from dmrefresh.postgres.carrying import dependents
from dmrefresh.postgres.failures import translated
from dmrefresh.postgres.moved_aside import kept_marks, marked
from dmrefresh.postgres.reach import connect

_BATCH = 50
"""Tables dropped in one transaction; each holds several locks until its end."""


def only_here(
    connection: Connection, schemas: Iterable[str], tables: Iterable[str], *, relations: str = "rpvmf"
) -> list[str]:
    """Name the tables and views of the schemas that the dump does not bring: they go with the previous data.

    Args:
        connection: a session on the target.
        schemas: the schemas that will be swapped.
        tables: what the dump makes, as `schema.name`.
        relations: which kinds are looked for, as pg_class has them.
    """
    rows = connection.execute(
        "SELECT n.nspname || '.' || c.relname FROM pg_catalog.pg_class c "
        "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = ANY (%s) AND c.relkind::text = ANY (%s) ORDER BY 1",
        (list(schemas), list(relations)),
    )
    brought = set(tables)
    return [name for (name,) in rows if name not in brought]


def drop(connection: Connection) -> list[str]:
    """Drop the previous data of every earlier swap that is not kept, in short transactions.

    Returns:
        the schemas that could not be dropped now, because a session still uses them, something outside
        depends on them, or another refresh is at it. The next run tries again.
    """
    remaining = []
    for schema in _droppable(connection):
        try:
            with translated(f"while {schema} was dropped"):
                while _drop_batch(connection, schema):
                    pass
        except Failure:  # what is in the way is no matter of this run
            remaining.append(schema)
    return remaining


def _droppable(connection: Connection) -> list[str]:
    kept_ones = kept_marks(connection)
    return [name for name in marked(connection) if name not in kept_ones]


def drop_after(url: str, observer: Observer) -> list[str]:
    """Drop the previous data once the new is committed, on a connection of its own.

    Whatever prevents it is left to the next run, and said: what was asked for is done.

    Returns:
        what could not be dropped yet.
    """
    try:
        with connect.session(url) as connection, translated("while the previous data was dropped"):
            remaining = drop(connection)
    except Failure:
        remaining = ["the previous data"]
    if remaining:
        observer.warn(f"{', '.join(remaining)} could not be dropped yet; the next run will try again.")
    return remaining


def _drop_batch(connection: Connection, schema: str) -> bool:
    """Drop up to `_BATCH` tables of the schema, or the schema itself when there are none; True to go on."""
    with connection.transaction():
        lock.take(connection)
        droppable = _droppable(connection)
        if schema not in droppable:  # another run was quicker, or keeps what bears this name now
            return False
        tables = [
            row[0]
            for row in connection.execute(
                "SELECT relname FROM pg_catalog.pg_class WHERE relnamespace = "
                "(SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = %s) AND relkind IN ('r', 'p') "
                "ORDER BY relispartition DESC, oid LIMIT %s",
                (schema, _BATCH),
            )
        ]
        names = sql.SQL(", ").join(sql.Identifier(schema, table) for table in tables)
        if tables:
            connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(names))
        # What CASCADE takes along may lie in another schema that is to be dropped, and nowhere else.
        if dependents.outside(connection, droppable):
            raise TargetUnfit(f"Something outside depends on {schema} now.")
        if tables:
            connection.execute(sql.SQL("DROP TABLE {} CASCADE").format(names))
            return True
        connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(schema)))
        return False
