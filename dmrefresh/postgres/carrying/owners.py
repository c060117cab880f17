"""Whose everything in a schema is: relations, routines, types, operators, collations, statistics, text search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from psycopg import sql

from dmrefresh.errors import ChecksFailed
from dmrefresh.lists import listed_apart
from dmrefresh.postgres import Connection
from dmrefresh.postgres.carrying.objects import IN_ITS_OWN_RIGHT, OWNED
from dmrefresh.postgres.reach.session_facts import is_superuser

# What an object is called is the server's own writing of it, as ALTER takes it; a sequence that belongs to a column
# goes with its table.
_OWNERS = """
SELECT i.type, i.identity, pg_catalog.pg_get_userbyid(o.owner), n.nspname
FROM ({owned}) o JOIN pg_catalog.pg_namespace n ON n.oid = o.place,
     LATERAL pg_catalog.pg_identify_object(o.classid, o.oid, 0) i
WHERE n.nspname = ANY (%s) AND {in_its_own_right}
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                  WHERE i.type = 'sequence' AND d.classid = o.classid AND d.objid = o.oid AND d.deptype IN ('a', 'i')
                    AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass)
ORDER BY o.oid
""".replace("{owned}", OWNED).replace("{in_its_own_right}", IN_ITS_OWN_RIGHT)
# Of `public`, which is whoever's the database is, that role itself: it is a role that nobody is.
_HEIRS = """
SELECT n.nspname, pg_catalog.pg_get_userbyid(
           CASE n.nspowner WHEN pg_catalog.to_regrole('pg_database_owner') THEN d.datdba ELSE n.nspowner END),
       pg_catalog.pg_get_userbyid(d.datdba)
FROM pg_catalog.pg_namespace n, pg_catalog.pg_database d
WHERE n.nspname = ANY (%s) AND d.datname = pg_catalog.current_database()
"""
_QUOTED = "SELECT pg_catalog.quote_ident(%s) || '.', pg_catalog.quote_ident(%s) || '.'"
_WORDS = {"statistics object": "STATISTICS", "aggregate": "ROUTINE"}
"""What ALTER calls a sort of objects that pg_identify_object calls otherwise, or that it takes without arguments."""


def carry(
    old: Connection,
    new: Connection,
    schemas: Sequence[str],
    *,
    aside: Mapping[str, str] | None = None,
    whole: bool = False,
) -> None:
    """Give what is in schemas of the new data to those whose the same objects of the target are.

    What is new stays its maker's; but what a superuser made goes to the owner of the schema, and a schema that is new
    to the owner of the database: nothing that a dump defines may run as a superuser, nor be out of the owner's reach.

    Args:
        old: a session that sees the target's objects.
        new: the loading transaction; may be the same.
        schemas: whose objects.
        aside: the names that those of them which the target had have now; without it they are the same.
        whole: everything of the target must be there.

    Raises:
        ChecksFailed: something of the target is not there, though all was to be.
        psycopg.Error: the server refuses.
    """
    there = aside if aside is not None else {schema: schema for schema in schemas}
    wanted = _before(old, there)
    found = _owners(new, schemas)
    if whole and (lost := sorted(f"{kind} {identity}" for kind, identity in wanted.keys() - found.keys())):
        raise ChecksFailed(
            f"Not carried over, though the target holds it beside the dump: {listed_apart(lost)}.",
            hint="move or drop it, or publish by the strategy `schema`, which leaves other schemas alone",
        )
    heirs = _heirs(old, new, schemas, there) if is_superuser(new) else {}
    for (kind, identity), (owner, schema) in found.items():
        # A type that kept its identity is no longer among the previous objects, and has its owner already.
        to = wanted.get((kind, identity)) or (heirs.get(schema, owner) if owner == new.info.user else owner)
        if to != owner:
            what = sql.SQL(f"{_WORDS.get(kind, kind)} {identity}")
            new.execute(sql.SQL("ALTER {} OWNER TO {}").format(what, sql.Identifier(to)))


def _owners(connection: Connection, schemas: Sequence[str]) -> dict[tuple[str, str], tuple[str, str]]:
    """Of each object, by its kind and name, the owner and the schema."""
    found = connection.execute(_OWNERS, (list(schemas),))
    return {(kind, identity): (owner, schema) for kind, identity, owner, schema in found}


def _before(connection: Connection, there: Mapping[str, str]) -> dict[tuple[str, str], str]:
    """Whose each object of the target is, by the name it had before its schema was moved aside."""
    moved = [pair for name, aside in there.items() for pair in connection.execute(_QUOTED, (aside, name))]
    before = {}
    for (kind, identity), (owner, _) in _owners(connection, list(there.values())).items():
        for aside, name in moved:
            identity = identity.replace(aside, name)
        before[kind, identity] = owner
    return before


def _heirs(old: Connection, new: Connection, schemas: Sequence[str], there: Mapping[str, str]) -> dict[str, str]:
    """Who gets what is new in each schema; those that are new themselves are given to the database's owner."""
    known = {name for (name,) in old.execute("SELECT nspname FROM pg_catalog.pg_namespace")}
    heirs = {}
    for schema, owner, of_database in new.execute(_HEIRS, (list(schemas),)).fetchall():
        heirs[schema] = owner
        if there.get(schema) not in known:
            heirs[schema] = of_database
            alter = sql.SQL("ALTER SCHEMA {} OWNER TO {}")
            new.execute(alter.format(sql.Identifier(schema), sql.Identifier(of_database)))
    return heirs
