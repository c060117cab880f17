"""Default privileges: what of a schema's, and of a database's for all its schemas, goes along with new data."""

from __future__ import annotations

from typing import TypeAlias

from psycopg import sql

from dmrefresh.errors import RightsMissing
from dmrefresh.postgres import Connection, moved_aside
from dmrefresh.postgres.carrying.grants import grantee_of, option
from dmrefresh.postgres.errand import Errand
from dmrefresh.postgres.quoting import quoted

_Default: TypeAlias = tuple[str, str, str | None, str | None, bool]
"""Of which role's objects, their kind, for whom (None is PUBLIC), which right (None where none is left), and whether it
may be given on."""

# Those of the database as a whole are in no schema. Of a schema's, those of roles that ours is no member of cannot be
# carried and stay behind; of the database's, `refuse_of_others` has told.
_DEFAULTS = """
SELECT pg_catalog.pg_get_userbyid(d.defaclrole), d.defaclobjtype::text,
       CASE a.grantee WHEN 0 THEN NULL ELSE pg_catalog.pg_get_userbyid(a.grantee) END,
       a.privilege_type, a.is_grantable
FROM pg_catalog.pg_default_acl d LEFT JOIN pg_catalog.pg_namespace n ON n.oid = d.defaclnamespace
     LEFT JOIN LATERAL pg_catalog.aclexplode(d.defaclacl) a ON true
WHERE n.nspname::text IS NOT DISTINCT FROM %(schema)s::text
  AND (n.oid IS NULL OR pg_catalog.pg_has_role(d.defaclrole, 'USAGE'))
ORDER BY 1, 2, 3, 4
"""
_OF_OTHERS = """
SELECT pg_catalog.pg_get_userbyid(d.defaclrole), n.nspname
FROM pg_catalog.pg_default_acl d LEFT JOIN pg_catalog.pg_namespace n ON n.oid = d.defaclnamespace
WHERE NOT pg_catalog.pg_has_role(d.defaclrole, 'USAGE') AND (n.oid IS NULL OR n.nspname <> ALL (%s))
ORDER BY 1, 2
"""
_KINDS = {"r": "TABLES", "S": "SEQUENCES", "f": "ROUTINES", "T": "TYPES", "n": "SCHEMAS", "L": "LARGE OBJECTS"}


def refuse_of_others(errand: Errand) -> None:
    """See that the role may set for another database the default privileges of the target.

    Raises:
        RightsMissing: some are those of a role that this one is no member of.
    """
    connection = errand.connection
    for role, schema in connection.execute(_OF_OTHERS, (moved_aside.left_over(connection),)).fetchall():
        where = f" in its schema {schema}" if schema else ""
        ours, whose = quoted(connection, connection.info.user, role)
        raise RightsMissing(
            f"The target database has default privileges of the role {role}{where}, which the target's role is no "
            "member of.",
            hint=f"as an administrator: GRANT {whose} TO {ours}",
        )


def carry_of_schema(old: Connection, new: Connection, schema: str, aside: str | None = None) -> None:
    """Give a new schema the default privileges of the one before, before anything is made in it.

    Args:
        old: a session that sees the schema of before.
        new: the loading transaction; may be the same.
        schema: the new one.
        aside: the name that the one of before has now, where it is another.

    Raises:
        psycopg.Error: the server refuses.
    """
    within = sql.SQL("IN SCHEMA {} ").format(sql.Identifier(schema))
    for role, kind, grantee, right, grantable in _defaults(old, aside or schema):
        if right is not None:
            what = sql.SQL("GRANT {} ON {} TO {}{}").format(
                sql.SQL(right), sql.SQL(_KINDS[kind]), grantee_of(grantee), option(grantable)
            )
            new.execute(_altering(role) + within + what)


def carry_of_database(old: Connection, new: Connection) -> None:
    """Give the new database the default privileges that the old one has for all its schemas.

    Args:
        old: a session on the target.
        new: the loading transaction, in which nothing has been made yet.

    Raises:
        psycopg.Error: the server refuses.
    """
    emptied = set()
    for role, kind, grantee, right, grantable in _defaults(old, None):
        what = sql.SQL(_KINDS[kind])
        if (role, kind) not in emptied:
            emptied.add((role, kind))
            revoke = sql.SQL("REVOKE ALL ON {} FROM PUBLIC, {}").format(what, sql.Identifier(role))
            new.execute(_altering(role) + revoke)
        if right is not None:
            grant = sql.SQL("GRANT {} ON {} TO {}{}").format(
                sql.SQL(right), what, grantee_of(grantee), option(grantable and grantee != role)
            )
            new.execute(_altering(role) + grant)


def _defaults(connection: Connection, schema: str | None) -> list[_Default]:
    return connection.execute(_DEFAULTS, {"schema": schema}).fetchall()


def _altering(role: str) -> sql.Composed:
    return sql.SQL("ALTER DEFAULT PRIVILEGES FOR ROLE {} ").format(sql.Identifier(role))
