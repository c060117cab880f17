"""The previous data after a swap: kept apart while the transaction runs, dropped after it, never by force.

Nothing of anybody else's is dropped along: before each batch its tables are locked, what outside depends on
them is looked for, and only then does CASCADE run, within what the swap itself moved aside.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from psycopg import sql

from dmrefresh.errors import Failure, TargetBusy, TargetUnfit
from dmrefresh.postgres import Connection, dependents, lock
from dmrefresh.postgres.failures import translated

_MARK = "dmrefresh: previous data, dropped by the next run if not before"
_BATCH = 50
"""Tables dropped in one transaction; each holds several locks until its end."""
_LONGEST_NAME = 63
"""In bytes (manual, chapter 4.1.1); the server cuts off what is beyond."""


def name_for(schema: str) -> str:
    """Where the swap moves `schema`: a name of its own for each, however long and alike they are."""
    if schema == "public":
        return "dmrefresh_previous"
    name = f"dmrefresh_previous_{schema}"
    if len(name.encode()) <= _LONGEST_NAME:
        return name
    mark = f"_{hashlib.sha256(schema.encode()).hexdigest()[:12]}"
    return name.encode()[: _LONGEST_NAME - len(mark)].decode(errors="ignore") + mark


def move_aside(connection: Connection, schema: str) -> str | None:
    """Rename `schema` to `name_for(schema)` and mark it as ours; returns the comment it had.

    Raises:
        psycopg.Error: the server refuses.
    """
    row = connection.execute(
        "SELECT pg_catalog.obj_description(oid, 'pg_namespace') FROM pg_catalog.pg_namespace WHERE nspname = %s",
        (schema,),
    ).fetchone()
    old, new = sql.Identifier(schema), sql.Identifier(name_for(schema))
    connection.execute(sql.SQL("ALTER SCHEMA {} RENAME TO {}").format(old, new))
    connection.execute(sql.SQL("COMMENT ON SCHEMA {} IS {}").format(new, _MARK))
    return row[0] if row is not None else None


def left_over(connection: Connection) -> list[str]:
    """The schemas that earlier swaps moved aside and nobody has dropped yet."""
    rows = connection.execute(
        "SELECT nspname FROM pg_catalog.pg_namespace "
        "WHERE pg_catalog.obj_description(oid, 'pg_namespace') = %s "
        # A dump may say what it likes about its schemas, but never makes one of such a name.
        "AND pg_catalog.starts_with(nspname, %s) ORDER BY 1",
        (_MARK, name_for("public")),
    )
    return [row[0] for row in rows]


def refuse_strangers(connection: Connection, schemas: Iterable[str]) -> None:
    """See that the names the swap needs are free.

    Raises:
        TargetBusy: the previous data of an earlier swap is still in use; that passes.
        TargetUnfit: something of that name is not ours.
    """
    wanted = [name_for(schema) for schema in schemas]
    rows = connection.execute("SELECT nspname FROM pg_catalog.pg_namespace WHERE nspname = ANY (%s)", (wanted,))
    ours = left_over(connection)
    for (name,) in rows.fetchall():
        if name in ours:
            raise TargetBusy(
                f"The previous data in {name} cannot be dropped yet: a session still uses it, or something outside "
                "depends on it.",
                hint=f"end that session, or see what depends on {name}; then run it again",
            )
        raise TargetUnfit(
            f"The target has a schema {name} of somebody else's, whose name the swap needs.", hint="rename it"
        )


def only_here(connection: Connection, schemas: Iterable[str], tables: Iterable[str]) -> list[str]:
    """Name the tables and views of the schemas that the dump does not bring: they go with the previous data.

    Args:
        connection: a session on the target.
        schemas: the schemas that will be swapped.
        tables: what the dump makes, as `schema.name`.
    """
    rows = connection.execute(
        "SELECT n.nspname || '.' || c.relname FROM pg_catalog.pg_class c "
        "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = ANY (%s) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY 1",
        (list(schemas),),
    )
    brought = set(tables)
    return [name for (name,) in rows if name not in brought]


def drop(connection: Connection) -> list[str]:
    """Drop the previous data of every earlier swap, in short transactions.

    Returns:
        the schemas that could not be dropped now, because a session still uses them, something outside
        depends on them, or another refresh is at it. The next run tries again.
    """
    remaining = []
    for schema in left_over(connection):
        try:
            with translated(f"while {schema} was dropped"):
                while _drop_batch(connection, schema):
                    pass
        except Failure:  # what is in the way is no matter of this run
            remaining.append(schema)
    return remaining


def _drop_batch(connection: Connection, schema: str) -> bool:
    """Drop up to `_BATCH` tables of the schema, or the schema itself when there are none; True to go on."""
    with connection.transaction():
        lock.take(connection)
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
        # What CASCADE takes along may lie in another schema that was moved aside, and nowhere else.
        if dependents.outside(connection, left_over(connection)):
            raise TargetUnfit(f"Something outside depends on {schema} now.")
        if tables:
            connection.execute(sql.SQL("DROP TABLE {} CASCADE").format(names))
            return True
        connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(schema)))
        return False
