"""What a database holds beside the data of the dump, and what of it goes along when another takes its place.

Carried over: schemas in which there is nothing, or nothing but extensions' objects, with owner, comment, rights and
default privileges; extensions, in their schemas and versions; default privileges of the whole database; settings of
the database and of roles in it; by a superuser, event triggers with their functions; the receipts; and, with a pg_dump,
what other schemas hold (`other_schemas`). The database's owner, encoding, collation, tablespace, rights, comment and
connection limit are `siblings`' and the swap's matter.

Everything else of its own refuses the swap, named (`strangers`): publications, subscriptions, replication slots,
prepared transactions, foreign servers, languages, casts, large objects, and rows in tables of extensions. What is
changed about an extension's own objects (their rights, say) is not looked for.
"""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import sql

from dmrefresh.errors import RightsMissing, TargetUnfit
from dmrefresh.lists import listed
from dmrefresh.postgres import Connection, moved_aside
from dmrefresh.postgres.carrying import default_privileges, grants
from dmrefresh.postgres.errand import Errand
from dmrefresh.postgres.quoting import quoted

_WATCHERS = """
SELECT 'the prepared transaction ' || gid FROM pg_catalog.pg_prepared_xacts
          WHERE database = pg_catalog.current_database()
UNION ALL SELECT 'the replication slot ' || slot_name FROM pg_catalog.pg_replication_slots
          WHERE database = pg_catalog.current_database()
UNION ALL SELECT 'the subscription ' || s.subname FROM pg_catalog.pg_subscription s
          JOIN pg_catalog.pg_database d ON d.oid = s.subdbid WHERE d.datname = pg_catalog.current_database()
ORDER BY 1
"""
_SCHEMAS = """
SELECT n.nspname, pg_catalog.pg_get_userbyid(n.nspowner), pg_catalog.obj_description(n.oid, 'pg_namespace'),
       pg_catalog.pg_has_role(n.nspowner, 'USAGE')
FROM pg_catalog.pg_namespace n
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND n.nspname <> ALL (%s)
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_namespace'::pg_catalog.regclass
                  AND d.objid = n.oid AND d.deptype = 'e')
ORDER BY n.oid
"""


def refuse_watchers(errand: Errand) -> None:
    """Raises TargetUnfit where something holds on to the database itself: it could not be dropped, or would be lost."""
    found = [name for (name,) in errand.connection.execute(_WATCHERS)]
    if found:
        raise TargetUnfit(
            f"The target database is held by {listed(found)}; another cannot take its place.",
            hint="end them first (ROLLBACK PREPARED, pg_drop_replication_slot, DROP SUBSCRIPTION)",
        )


def refuse_schemas(errand: Errand) -> None:
    """Raises RightsMissing where a schema that would be carried over belongs to a role that this one is not."""
    for schema, owner, _, ours in _schemas(errand.connection, errand.schemas):
        if not ours:
            name, role = quoted(errand.connection, schema, errand.connection.info.user)
            raise RightsMissing(
                f"The schema {schema} of the target belongs to {owner}; only its owner can make it anew.",
                hint=f"as an administrator: ALTER SCHEMA {name} OWNER TO {role}",
            )


def carry_schemas(old: Connection, new: Connection, schemas: Sequence[str]) -> set[str]:
    """Make the target's schemas in the new database, with owner, comment and default privileges.

    Args:
        old: a session on the target.
        new: the loading transaction.
        schemas: those in which the dump makes something.

    Returns:
        which of `schemas` there are now.

    Raises:
        psycopg.Error: the server refuses.
    """
    made = set()
    for schema, owner, comment, _ in _schemas(old, moved_aside.left_over(old)):
        name, to = sql.Identifier(schema), sql.Identifier(owner)
        words = "ALTER SCHEMA {} OWNER TO {}" if schema == "public" else "CREATE SCHEMA {} AUTHORIZATION {}"
        new.execute(sql.SQL(words).format(name, to))
        new.execute(sql.SQL("COMMENT ON SCHEMA {} IS {}").format(name, sql.Literal(comment)))
        default_privileges.carry_of_schema(old, new, schema)
        made.add(schema)
    if "public" not in made and "public" not in schemas:
        new.execute("DROP SCHEMA public")
    return made & set(schemas)


def carry_rights(old: Connection, new: Connection, schemas: Sequence[str], more: Sequence[str] = ()) -> int:
    """Give what is in the new database the rights and owners of the same objects in the target.

    Args:
        old: a session on the target.
        new: the loading transaction.
        schemas: those in which the dump makes something.
        more: of others, those that an extension makes; the database's own are carried anyway.

    Returns:
        how many rights there are in `schemas`.

    Raises:
        psycopg.Error: the server refuses.
    """
    others = [schema for schema, *_ in _schemas(old, [*schemas, *moved_aside.left_over(old)])]
    for schema in dict.fromkeys([*others, *more]):
        grants.restore(new, schema, grants.read(old, schema))
    return sum(grants.restore(new, schema, grants.read(old, schema)) for schema in schemas)


def carry_receipts(old: Connection, new: Connection) -> None:
    """Copy the target's receipts beside the new one."""
    row = old.execute("SELECT pg_catalog.to_regclass('dmrefresh.receipts') IS NOT NULL").fetchone()
    if row is None or not row[0]:
        return
    columns = sql.SQL(", ").join(
        sql.Identifier(name)
        for (name,) in old.execute(
            "SELECT attname FROM pg_catalog.pg_attribute WHERE attrelid = 'dmrefresh.receipts'::pg_catalog.regclass "
            "AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
        )
    )
    with (
        old.cursor().copy(sql.SQL("COPY dmrefresh.receipts ({}) TO STDOUT").format(columns)) as source,
        new.cursor().copy(sql.SQL("COPY dmrefresh.receipts ({}) FROM STDIN").format(columns)) as sink,
    ):
        for block in source:
            sink.write(block)


def _schemas(connection: Connection, leave_out: Sequence[str]) -> list[tuple[str, str, str | None, bool]]:
    """The database's own schemas but for some: name, owner, comment, whether the role is as good as their owner."""
    return connection.execute(_SCHEMAS, (list(leave_out),)).fetchall()
