"""Who may do what on the target: the dump says nothing of it, so the previous schema's word is carried over."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from psycopg import sql

from dmrefresh.errors import RightsMissing
from dmrefresh.postgres import Connection
from dmrefresh.postgres.previous import left_over, name_for


class _Thing(NamedTuple):
    """What a right is on, as GRANT names it: `detail` is a column, or a routine's arguments as SQL."""

    kind: str
    name: str | None
    detail: str | None


class _Right(NamedTuple):
    """Who may do what; the grantee None is PUBLIC."""

    grantee: str | None
    privilege: str
    grantable: bool


_Rights: TypeAlias = "defaultdict[_Thing, set[_Right]]"

# One row a right, before (of the previous schema's objects) and now (of the new ones of the same key), of everybody but
# the owners: those can always give themselves theirs. What was never granted or revoked anything has no ACL at all
# and means acldefault. https://www.postgresql.org/docs/current/ddl-priv.html; a grantee of 0 is PUBLIC.
# A key holds what makes two objects the same one: the kind, so that a sequence is no table; a routine's argument
# types by name, those of a schema moved aside under its former name. What the server itself keeps with a range
# type (constructors) is the bootstrap superuser's and nobody's to grant.
_RIGHTS = """
WITH place AS (
    SELECT n.oid, n.nspname = %(previous)s AS previous
    FROM pg_catalog.pg_namespace n WHERE n.nspname IN (%(schema)s, %(previous)s)
), typename AS (
    SELECT t.oid, pg_catalog.format('%%I.%%I%%s', coalesce(%(moved)s::jsonb ->> n.nspname::text, n.nspname),
           coalesce(e.typname, t.typname), CASE WHEN e.oid IS NOT NULL THEN '[]' END) AS name
    FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
    LEFT JOIN pg_catalog.pg_type e ON e.typarray = t.oid
), object AS (
    SELECT p.previous, ARRAY[CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, c.relname] AS key,
           CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind, c.relname::text AS name,
           NULL::text AS detail, c.relowner AS owner, coalesce(c.relacl, pg_catalog.acldefault(
               (CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END)::"char", c.relowner)) AS acl
    FROM place p JOIN pg_catalog.pg_class c ON c.relnamespace = p.oid
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    UNION ALL
    SELECT p.previous, ARRAY['COLUMN', c.relname, t.attname], 'COLUMN', c.relname, t.attname, c.relowner, t.attacl
    FROM place p JOIN pg_catalog.pg_class c ON c.relnamespace = p.oid
    JOIN pg_catalog.pg_attribute t ON t.attrelid = c.oid
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND t.attnum > 0 AND NOT t.attisdropped
    UNION ALL
    SELECT p.previous, ARRAY['ROUTINE', r.proname] || ARRAY(
               SELECT n.name FROM pg_catalog.unnest(r.proargtypes) WITH ORDINALITY a (type, place)
               JOIN typename n ON n.oid = a.type ORDER BY a.place),
           CASE r.prokind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END, r.proname,
           -- a procedure's OUT arguments are part of what names it; an aggregate's ORDER BY is not
           CASE r.prokind WHEN 'p' THEN pg_catalog.pg_get_function_identity_arguments(r.oid)
           ELSE pg_catalog.oidvectortypes(r.proargtypes) END,
           r.proowner, coalesce(r.proacl, pg_catalog.acldefault('f', r.proowner))
    FROM place p JOIN pg_catalog.pg_proc r ON r.pronamespace = p.oid
    UNION ALL
    SELECT p.previous, ARRAY['TYPE', t.typname], 'TYPE', t.typname, NULL, t.typowner,
           coalesce(t.typacl, pg_catalog.acldefault('T', t.typowner))
    FROM place p JOIN pg_catalog.pg_type t ON t.typnamespace = p.oid
    WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_type e WHERE e.typarray = t.oid)
    UNION ALL
    SELECT p.previous, ARRAY['SCHEMA'], 'SCHEMA', NULL, NULL, n.nspowner,
           coalesce(n.nspacl, pg_catalog.acldefault('n', n.nspowner))
    FROM place p JOIN pg_catalog.pg_namespace n ON n.oid = p.oid
)
SELECT now.kind, now.name, now.detail, s.before,
       CASE a.grantee WHEN 0 THEN NULL ELSE pg_catalog.pg_get_userbyid(a.grantee) END,
       a.privilege_type, pg_catalog.bool_or(a.is_grantable)
FROM object now JOIN object old ON old.key = now.key AND old.previous AND NOT now.previous,
     LATERAL (VALUES (true, old.acl, old.owner), (false, now.acl, now.owner)) s (before, acl, owner),
     LATERAL pg_catalog.aclexplode(s.acl) a
WHERE a.grantee <> s.owner AND pg_catalog.pg_has_role(now.owner, 'MEMBER')
GROUP BY 1, 2, 3, 4, 5, 6
ORDER BY 1, 2, 3, 4, 5, 6
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

# Whatever has an owner and lies in a schema. An extension's objects are its own matter; what came with another
# object by itself (row types, arrays, multiranges and their constructors) goes with that one.
_FOREIGN = """
SELECT pg_catalog.pg_describe_object(o.classid, o.oid, 0)
FROM (
    SELECT c.tableoid AS classid, c.oid, c.relnamespace AS place, c.relowner AS owner
    FROM pg_catalog.pg_class c WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    UNION ALL SELECT p.tableoid, p.oid, p.pronamespace, p.proowner FROM pg_catalog.pg_proc p
    UNION ALL SELECT t.tableoid, t.oid, t.typnamespace, t.typowner FROM pg_catalog.pg_type t
    UNION ALL SELECT x.tableoid, x.oid, x.oprnamespace, x.oprowner FROM pg_catalog.pg_operator x
    UNION ALL SELECT x.tableoid, x.oid, x.opcnamespace, x.opcowner FROM pg_catalog.pg_opclass x
    UNION ALL SELECT x.tableoid, x.oid, x.opfnamespace, x.opfowner FROM pg_catalog.pg_opfamily x
    UNION ALL SELECT x.tableoid, x.oid, x.collnamespace, x.collowner FROM pg_catalog.pg_collation x
    UNION ALL SELECT x.tableoid, x.oid, x.connamespace, x.conowner FROM pg_catalog.pg_conversion x
    UNION ALL SELECT x.tableoid, x.oid, x.stxnamespace, x.stxowner FROM pg_catalog.pg_statistic_ext x
    UNION ALL SELECT x.tableoid, x.oid, x.cfgnamespace, x.cfgowner FROM pg_catalog.pg_ts_config x
    UNION ALL SELECT x.tableoid, x.oid, x.dictnamespace, x.dictowner FROM pg_catalog.pg_ts_dict x
) o JOIN pg_catalog.pg_namespace n ON n.oid = o.place
WHERE n.nspname = ANY (%s) AND NOT pg_catalog.pg_has_role(o.owner, 'MEMBER')
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                  WHERE d.classid = o.classid AND d.objid = o.oid AND d.deptype IN ('e', 'i'))
ORDER BY 1
"""
_AT_MOST = 10
"""How many objects a refusal names."""


def refuse_foreign_owners(connection: Connection, schemas: Sequence[str]) -> None:
    """Refuse to move aside what belongs to others: it would be lost, or could not be dropped afterwards.

    Args:
        connection: a session of the role that publishes, with an empty search_path, so that names come whole.
        schemas: those about to be swapped; one that does not exist holds nothing.

    Raises:
        RightsMissing: something in them belongs to a role that this one is no member of; up to ten are named.
    """
    found = [row[0] for row in connection.execute(_FOREIGN, (list(schemas),))]
    if not found:
        return
    named = "; ".join(found[:_AT_MOST]) + (f"; and {len(found) - _AT_MOST} more" if len(found) > _AT_MOST else "")
    raise RightsMissing(
        f"What is to be replaced belongs in part to roles that the target's role is no member of: {named}.",
        hint="move them to another schema, or make the target's role their owner or a member of their owners",
    )


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
    """Make the rights on the objects of `schema` those on the same objects of `previous`, no more and no less.

    On tables, views, columns, sequences, routines, types and the schema itself; what default privileges have
    given to the new objects goes where the old ones did not have it. Then the owners. What `previous` has not,
    or has as another kind (a sequence that is a table now), keeps what it was made with.

    Returns:
        how many rights stand as before, those by default (EXECUTE for PUBLIC, say) among them.

    Raises:
        psycopg.Error: the server refuses.
    """
    before, now = _rights(connection, schema, previous)
    changed = {thing for thing in before.keys() | now.keys() if before[thing] != now[thing]}
    # Every REVOKE first: one on a table takes its columns' rights along.
    for thing in changed:
        for grantee in {right.grantee for right in now[thing]}:
            connection.execute(
                sql.SQL("REVOKE {} ON {} FROM {}").format(
                    _on_columns("ALL", thing), _named(schema, thing), _grantee(grantee)
                )
            )
    for thing, rights in before.items():
        if thing in changed or thing.kind == "COLUMN":
            for right in rights:
                connection.execute(_grant(schema, thing, right))
    for kind, name, owner in connection.execute(
        _OWNERS, {"schema": _quoted(schema), "previous": _quoted(previous)}
    ).fetchall():
        connection.execute(
            sql.SQL("ALTER {} {} OWNER TO {}").format(
                sql.SQL(kind), sql.Identifier(schema, name), sql.Identifier(owner)
            )
        )
    return sum(len(rights) for rights in before.values())


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


def _rights(connection: Connection, schema: str, previous: str) -> tuple[_Rights, _Rights]:
    """What everybody might do before, and what they may now, on each thing that both schemas have."""
    aside = set(left_over(connection)) | {previous}
    schemas = [row[0] for row in connection.execute("SELECT nspname FROM pg_catalog.pg_namespace")]
    moved = {name_for(one): one for one in schemas if name_for(one) in aside} | {previous: schema}
    before: _Rights = defaultdict(set)
    now: _Rights = defaultdict(set)
    for kind, name, detail, is_before, *right in connection.execute(
        _RIGHTS, {"schema": schema, "previous": previous, "moved": json.dumps(moved)}
    ):
        (before if is_before else now)[_Thing(kind, name, detail)].add(_Right(*right))
    return before, now


def _grant(schema: str, thing: _Thing, right: _Right) -> sql.Composed:
    what = _on_columns(right.privilege, thing)
    return sql.SQL("GRANT {} ON {} TO {}{}").format(
        what, _named(schema, thing), _grantee(right.grantee), _option(right.grantable)
    )


def _on_columns(privilege: str, thing: _Thing) -> sql.Composable:
    if thing.kind != "COLUMN":
        return sql.SQL(privilege)
    assert thing.detail is not None
    return sql.SQL("{} ({})").format(sql.SQL(privilege), sql.Identifier(thing.detail))


def _named(schema: str, thing: _Thing) -> sql.Composed:
    if thing.name is None:
        return sql.SQL("SCHEMA {}").format(sql.Identifier(schema))
    kind = sql.SQL("TABLE" if thing.kind == "COLUMN" else thing.kind)
    name = sql.SQL("{} {}").format(kind, sql.Identifier(schema, thing.name))
    if thing.kind in ("FUNCTION", "PROCEDURE"):
        return name + sql.SQL("({})").format(sql.SQL(thing.detail or ""))
    return name


def _grantee(role: str | None) -> sql.Composable:
    return sql.SQL("PUBLIC") if role is None else sql.Identifier(role)


def _option(grantable: bool) -> sql.Composable:
    return sql.SQL(" WITH GRANT OPTION" if grantable else "")


def _quoted(schema: str) -> str:
    """A schema's name as regnamespace reads it."""
    return '"' + schema.replace('"', '""') + '"'
