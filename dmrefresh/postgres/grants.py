"""Who may do what on the target: the dump says nothing of it, so the previous schema's word is carried over."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import sql

from dmrefresh.postgres import Connection

# One row a grant: what kind of object, its name (and columns or arguments), to whom, which right, with grant option.
# https://www.postgresql.org/docs/current/ddl-priv.html; a grantee of 0 is PUBLIC.
_ACL = """
SELECT o.kind, o.name, o.detail, CASE a.grantee WHEN 0 THEN NULL ELSE pg_catalog.pg_get_userbyid(a.grantee) END,
       a.privilege_type, a.is_grantable
FROM (
    SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind, c.relname::text AS name,
           NULL::text AS detail, c.relacl AS acl, c.relowner AS owner
    FROM pg_catalog.pg_class c WHERE c.relnamespace = %(schema)s::pg_catalog.regnamespace
      AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    UNION ALL
    SELECT 'COLUMN', c.relname, t.attname, t.attacl, c.relowner
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_attribute t ON t.attrelid = c.oid
    WHERE c.relnamespace = %(schema)s::pg_catalog.regnamespace AND t.attnum > 0 AND NOT t.attisdropped
    UNION ALL
    SELECT 'ROUTINE', p.proname, pg_catalog.oidvectortypes(p.proargtypes), p.proacl, p.proowner
    FROM pg_catalog.pg_proc p WHERE p.pronamespace = %(schema)s::pg_catalog.regnamespace AND p.prokind <> 'a'
    UNION ALL
    SELECT 'SCHEMA', n.nspname, NULL, n.nspacl, n.nspowner
    FROM pg_catalog.pg_namespace n WHERE n.oid = %(schema)s::pg_catalog.regnamespace
) o, LATERAL pg_catalog.aclexplode(o.acl) a
WHERE a.grantee <> o.owner
"""

_DEFAULTS = """
SELECT pg_catalog.pg_get_userbyid(d.defaclrole), d.defaclobjtype::text,
       CASE a.grantee WHEN 0 THEN NULL ELSE pg_catalog.pg_get_userbyid(a.grantee) END,
       a.privilege_type, a.is_grantable
FROM pg_catalog.pg_default_acl d, LATERAL pg_catalog.aclexplode(d.defaclacl) a
WHERE d.defaclnamespace = %(schema)s::pg_catalog.regnamespace
  AND pg_catalog.pg_has_role(d.defaclrole, 'USAGE')
"""
_DEFAULT_KINDS = {"r": "TABLES", "S": "SEQUENCES", "f": "ROUTINES", "T": "TYPES"}

_OWNERS = """
SELECT CASE n.relkind WHEN 'S' THEN 'SEQUENCE' WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
       ELSE 'TABLE' END,
       n.relname, pg_catalog.pg_get_userbyid(o.relowner)
FROM pg_catalog.pg_class n JOIN pg_catalog.pg_class o ON o.relname = n.relname
WHERE n.relnamespace = %(schema)s::pg_catalog.regnamespace
  AND o.relnamespace = %(previous)s::pg_catalog.regnamespace
  AND n.relkind = o.relkind AND n.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND n.relowner <> o.relowner
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d  -- an owned sequence follows its table
                  WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = n.oid
                    AND n.relkind = 'S' AND d.deptype IN ('a', 'i')
                    AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass)
"""

# Routines are open to PUBLIC unless somebody closed them.
_CLOSED = """
SELECT p.proname, pg_catalog.oidvectortypes(p.proargtypes)
FROM pg_catalog.pg_proc p
WHERE p.pronamespace = %(schema)s::pg_catalog.regnamespace AND p.prokind <> 'a' AND p.proacl IS NOT NULL
  AND NOT EXISTS (SELECT FROM pg_catalog.aclexplode(p.proacl) a WHERE a.grantee = 0)
"""

_EXISTS = {
    "TABLE": "SELECT pg_catalog.to_regclass(pg_catalog.format('%%I.%%I', %s::text, %s::text)) IS NOT NULL",
    "ROUTINE": "SELECT pg_catalog.to_regprocedure(pg_catalog.format('%%I.%%I(%%s)', %s::text, %s::text, %s::text)) "
    "IS NOT NULL",
    "COLUMN": "SELECT EXISTS (SELECT FROM pg_catalog.pg_attribute WHERE attrelid = "
    "pg_catalog.to_regclass(pg_catalog.format('%%I.%%I', %s::text, %s::text)) AND attname = %s AND NOT attisdropped)",
}


def carry_defaults(connection: Connection, schema: str, previous: str) -> None:
    """Give the new schema the default privileges of the previous one, before anything is made in it.

    Those of roles that this role is no member of cannot be carried and stay behind.
    """
    found = connection.execute(_DEFAULTS, {"schema": _quoted(previous)}).fetchall()
    for role, kind, grantee, right, grantable in found:
        if kind not in _DEFAULT_KINDS:
            continue
        connection.execute(
            sql.SQL("ALTER DEFAULT PRIVILEGES FOR ROLE {} IN SCHEMA {} GRANT {} ON {} TO {}{}").format(
                sql.Identifier(role),
                sql.Identifier(schema),
                sql.SQL(right),
                sql.SQL(_DEFAULT_KINDS[kind]),
                _grantee(grantee),
                _option(grantable),
            )
        )


def carry_over(connection: Connection, schema: str, previous: str) -> int:
    """Grant on the objects of `schema` what is granted on those of the same name in `previous`.

    Rights on tables, views, columns, sequences, routines and the schema itself, then the owners.

    Returns:
        how many grants were made.
    """
    made = 0
    for name, arguments in connection.execute(_CLOSED, {"schema": _quoted(previous)}).fetchall():
        if _exists(connection, "ROUTINE", schema, name, arguments):
            connection.execute(
                sql.SQL("REVOKE ALL ON ROUTINE {}({}) FROM PUBLIC").format(
                    sql.Identifier(schema, name), sql.SQL(arguments)
                )
            )
    found = connection.execute(_ACL, {"schema": _quoted(previous)}).fetchall()
    for kind, name, detail, grantee, right, grantable in found:
        if _exists(connection, kind, schema, name, detail):
            connection.execute(_grant(kind, schema, name, detail, grantee, right, grantable))
            made += 1
    for kind, name, owner in connection.execute(
        _OWNERS, {"schema": _quoted(schema), "previous": _quoted(previous)}
    ).fetchall():
        connection.execute(
            sql.SQL("ALTER {} {} OWNER TO {}").format(
                sql.SQL(kind), sql.Identifier(schema, name), sql.Identifier(owner)
            )
        )
    return made


def make_schema(connection: Connection, schema: str, previous: str, comment: str | None) -> None:
    """Create `schema` for the owner of `previous`, or for this role where that is not allowed, with its comment.

    A role may make a schema for another only where it could become that role (CREATE SCHEMA).
    """
    row = connection.execute(
        "SELECT pg_catalog.pg_get_userbyid(nspowner), pg_catalog.pg_has_role(nspowner, 'MEMBER') "
        "FROM pg_catalog.pg_namespace WHERE nspname = %s",
        (previous,),
    ).fetchone()
    assert row is not None
    owner, member = row
    made = sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema))
    if member:
        made += sql.SQL(" AUTHORIZATION {}").format(sql.Identifier(owner))
    connection.execute(made)
    connection.execute(sql.SQL("COMMENT ON SCHEMA {} IS {}").format(sql.Identifier(schema), comment))


def _exists(connection: Connection, kind: str, schema: str, name: str, detail: str | None) -> bool:
    if kind == "SCHEMA":
        return True
    whole = kind in ("TABLE", "SEQUENCE")
    arguments: Sequence[str | None] = (schema, name) if whole else (schema, name, detail)
    question = _EXISTS["TABLE" if kind == "SEQUENCE" else kind]
    row = connection.execute(question.encode(), arguments).fetchone()
    return row is not None and bool(row[0])


def _grant(
    kind: str, schema: str, name: str, detail: str | None, grantee: str | None, right: str, grantable: bool
) -> sql.Composed:
    on: sql.Composable
    what: sql.Composable = sql.SQL(right)
    if kind == "SCHEMA":
        on = sql.SQL("SCHEMA {}").format(sql.Identifier(schema))
    elif kind == "COLUMN":
        assert detail is not None
        what = sql.SQL("{} ({})").format(sql.SQL(right), sql.Identifier(detail))
        on = sql.SQL("TABLE {}").format(sql.Identifier(schema, name))
    elif kind == "ROUTINE":
        on = sql.SQL("ROUTINE {}({})").format(sql.Identifier(schema, name), sql.SQL(detail or ""))
    else:
        on = sql.SQL("{} {}").format(sql.SQL(kind), sql.Identifier(schema, name))
    return sql.SQL("GRANT {} ON {} TO {}{}").format(what, on, _grantee(grantee), _option(grantable))


def _grantee(role: str | None) -> sql.Composable:
    return sql.SQL("PUBLIC") if role is None else sql.Identifier(role)


def _option(grantable: bool) -> sql.Composable:
    return sql.SQL(" WITH GRANT OPTION" if grantable else "")


def _quoted(schema: str) -> str:
    """A schema's name as regnamespace reads it."""
    return '"' + schema.replace('"', '""') + '"'
