"""Who may do what on the target: the dump says nothing of it, so the previous schema's word is carried over."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from psycopg import sql

from dmrefresh.errors import RightsMissing
from dmrefresh.lists import listed_apart
from dmrefresh.postgres import Connection
from dmrefresh.postgres.carrying.objects import IN_ITS_OWN_RIGHT, OWNED
from dmrefresh.postgres.moved_aside import left_over, name_for


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


class _Object(NamedTuple):
    """An object, whether the role that asks is its owner or a member of it, and everybody's rights on it."""

    thing: _Thing
    ours: bool
    rights: set[_Right]


class Rights(NamedTuple):
    """Who may do what in a schema, and whose its relations are, by what makes an object the same elsewhere."""

    objects: dict[tuple[str, ...], _Object]
    owners: dict[tuple[str, str], tuple[str, bool]]


# One row a right of each object of a schema, of everybody but the owner: that one can always give itself its own. An
# object of which nobody else has any right is one row without. What was never granted or revoked anything has no ACL
# at all and means acldefault. https://www.postgresql.org/docs/current/ddl-priv.html; a grantee of 0 is PUBLIC.
# A key holds what makes two objects the same one: the kind, so that a sequence is no table; a routine's argument
# types by name, those of a schema moved aside under its former name. What the server itself keeps with a range
# type (constructors) is the bootstrap superuser's and nobody's to grant.
_RIGHTS = """
WITH place AS (
    SELECT n.oid FROM pg_catalog.pg_namespace n WHERE n.nspname = %(schema)s
), typename AS (
    SELECT t.oid, pg_catalog.format('%%I.%%I%%s', coalesce(%(moved)s::jsonb ->> n.nspname::text, n.nspname),
           coalesce(e.typname, t.typname), CASE WHEN e.oid IS NOT NULL THEN '[]' END) AS name
    FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
    LEFT JOIN pg_catalog.pg_type e ON e.typarray = t.oid
), object AS (
    SELECT ARRAY[CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, c.relname] AS key,
           CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind, c.relname::text AS name,
           NULL::text AS detail, c.relowner AS owner, coalesce(c.relacl, pg_catalog.acldefault(
               (CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END)::"char", c.relowner)) AS acl
    FROM place p JOIN pg_catalog.pg_class c ON c.relnamespace = p.oid
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    UNION ALL
    SELECT ARRAY['COLUMN', c.relname, t.attname], 'COLUMN', c.relname, t.attname, c.relowner, t.attacl
    FROM place p JOIN pg_catalog.pg_class c ON c.relnamespace = p.oid
    JOIN pg_catalog.pg_attribute t ON t.attrelid = c.oid
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND t.attnum > 0 AND NOT t.attisdropped
    UNION ALL
    SELECT ARRAY['ROUTINE', r.proname] || ARRAY(
               SELECT n.name FROM pg_catalog.unnest(r.proargtypes) WITH ORDINALITY a (type, place)
               JOIN typename n ON n.oid = a.type ORDER BY a.place),
           CASE r.prokind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END, r.proname,
           -- a procedure's OUT arguments are part of what names it; an aggregate's ORDER BY is not
           CASE r.prokind WHEN 'p' THEN pg_catalog.pg_get_function_identity_arguments(r.oid)
           ELSE pg_catalog.oidvectortypes(r.proargtypes) END,
           r.proowner, coalesce(r.proacl, pg_catalog.acldefault('f', r.proowner))
    FROM place p JOIN pg_catalog.pg_proc r ON r.pronamespace = p.oid
    UNION ALL
    SELECT ARRAY['TYPE', t.typname], 'TYPE', t.typname, NULL, t.typowner,
           coalesce(t.typacl, pg_catalog.acldefault('T', t.typowner))
    FROM place p JOIN pg_catalog.pg_type t ON t.typnamespace = p.oid
    WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_type e WHERE e.typarray = t.oid)
    UNION ALL
    SELECT ARRAY['SCHEMA'], 'SCHEMA', NULL, NULL, n.nspowner,
           coalesce(n.nspacl, pg_catalog.acldefault('n', n.nspowner))
    FROM place p JOIN pg_catalog.pg_namespace n ON n.oid = p.oid
)
SELECT o.key, o.kind, o.name, o.detail, pg_catalog.pg_has_role(o.owner, 'MEMBER'),
       CASE a.grantee WHEN 0 THEN NULL ELSE pg_catalog.pg_get_userbyid(a.grantee) END,
       a.privilege_type, pg_catalog.bool_or(a.is_grantable)
FROM object o LEFT JOIN LATERAL pg_catalog.aclexplode(o.acl) a ON a.grantee <> o.owner
GROUP BY 1, 2, 3, 4, 5, 6, 7
ORDER BY 1, 2, 3, 4, 5, 6, 7
"""

_OWNERS = """
SELECT c.relkind::text, c.relname, pg_catalog.pg_get_userbyid(c.relowner),
       c.relkind = 'S' AND EXISTS (  -- an owned sequence follows its table
           SELECT FROM pg_catalog.pg_depend d
           WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i')
             AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
"""
_OWNED = {"S": "SEQUENCE", "v": "VIEW", "m": "MATERIALIZED VIEW"}
"""How ALTER names a relation's kind; the others are tables."""

_FOREIGN = """
SELECT pg_catalog.pg_describe_object(o.classid, o.oid, 0)
FROM ({owned}) o JOIN pg_catalog.pg_namespace n ON n.oid = o.place
WHERE n.nspname = ANY (%s) AND NOT pg_catalog.pg_has_role(o.owner, 'MEMBER') AND {in_its_own_right}
ORDER BY 1
""".replace("{owned}", OWNED).replace("{in_its_own_right}", IN_ITS_OWN_RIGHT)


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
    raise RightsMissing(
        "What is to be replaced belongs in part to roles that the target's role is no member of: "
        f"{listed_apart(found)}.",
        hint="move them to another schema, or make the target's role their owner or a member of their owners",
    )


def carry_over(connection: Connection, schema: str, previous: str) -> int:
    """Make the rights on the objects of `schema` those on the same objects of `previous`; see `restore`."""
    aside = set(left_over(connection)) | {previous}
    schemas = [row[0] for row in connection.execute("SELECT nspname FROM pg_catalog.pg_namespace")]
    moved = {name_for(one): one for one in schemas if name_for(one) in aside} | {previous: schema}
    return restore(connection, schema, read(connection, previous, moved))


def read(connection: Connection, schema: str, moved: Mapping[str, str] | None = None) -> Rights:
    """Who may do what in a schema.

    Args:
        connection: a session with an empty search_path, so that types come with their schemas.
        schema: which.
        moved: the former names of schemas that were moved aside.

    Raises:
        psycopg.Error: the server refuses.
    """
    objects: dict[tuple[str, ...], _Object] = {}
    parameters = {"schema": schema, "moved": json.dumps(dict(moved or {}))}
    for key, kind, name, detail, ours, grantee, privilege, grantable in connection.execute(_RIGHTS, parameters):
        thing = objects.setdefault(tuple(key), _Object(_Thing(kind, name, detail), ours, set()))
        if privilege is not None:
            thing.rights.add(_Right(grantee, privilege, grantable))
    owners = {(kind, name): (owner, follows) for kind, name, owner, follows in connection.execute(_OWNERS, (schema,))}
    return Rights(objects, owners)


def restore(connection: Connection, schema: str, rights: Rights) -> int:
    """Make the rights on the objects of `schema` those that `rights` says, no more and no less.

    On tables, views, columns, sequences, routines, types and the schema itself; what default privileges have
    given to the new objects goes where the old ones did not have it. Then the owners. What there was not before,
    or was as another kind (a sequence that is a table now), keeps what it was made with.

    Returns:
        how many rights stand as before, those by default (EXECUTE for PUBLIC, say) among them.

    Raises:
        psycopg.Error: the server refuses.
    """
    there = read(connection, schema)
    both = [(new, rights.objects[key]) for key, new in there.objects.items() if new.ours and key in rights.objects]
    # Every REVOKE first: one on a table takes its columns' rights along.
    for new, old in both:
        if new.rights != old.rights:
            for grantee in {right.grantee for right in new.rights}:
                what = _on_columns("ALL", new.thing)
                revoke = sql.SQL("REVOKE {} ON {} FROM {}")
                connection.execute(revoke.format(what, _named(schema, new.thing), grantee_of(grantee)))
    for new, old in both:
        if new.rights != old.rights or new.thing.kind == "COLUMN":
            for right in old.rights:
                connection.execute(_grant(schema, new.thing, right))
    for (kind, name), (owner, follows) in there.owners.items():
        before, _ = rights.owners.get((kind, name), (owner, follows))
        if before != owner and not follows:
            alter = sql.SQL("ALTER {} {} OWNER TO {}")
            what = sql.SQL(_OWNED.get(kind, "TABLE"))
            connection.execute(alter.format(what, sql.Identifier(schema, name), sql.Identifier(before)))
    return sum(len(old.rights) for _, old in both)


def _grant(schema: str, thing: _Thing, right: _Right) -> sql.Composed:
    what = _on_columns(right.privilege, thing)
    return sql.SQL("GRANT {} ON {} TO {}{}").format(
        what, _named(schema, thing), grantee_of(right.grantee), option(right.grantable)
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


def grantee_of(role: str | None) -> sql.Composable:
    """A role as GRANT and REVOKE name it; None is PUBLIC."""
    return sql.SQL("PUBLIC") if role is None else sql.Identifier(role)


def option(grantable: bool) -> sql.Composable:
    """The end of a GRANT: whether the right may be given on."""
    return sql.SQL(" WITH GRANT OPTION" if grantable else "")
