"""Whose everything in a schema is: relations, routines, types, operators, collations, statistics, text search."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import sql

from dmrefresh.postgres import Connection
from dmrefresh.postgres.objects import IN_ITS_OWN_RIGHT, OWNED

# What an object is called is the server's own writing of it, as ALTER takes it; a sequence that belongs to a column
# goes with its table.
_OWNERS = """
SELECT i.type, i.identity, pg_catalog.pg_get_userbyid(o.owner)
FROM ({owned}) o JOIN pg_catalog.pg_namespace n ON n.oid = o.place,
     LATERAL pg_catalog.pg_identify_object(o.classid, o.oid, 0) i
WHERE n.nspname = ANY (%s) AND {in_its_own_right}
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                  WHERE i.type = 'sequence' AND d.classid = o.classid AND d.objid = o.oid AND d.deptype IN ('a', 'i')
                    AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass)
ORDER BY o.oid
""".replace("{owned}", OWNED).replace("{in_its_own_right}", IN_ITS_OWN_RIGHT)
_WORDS = {"statistics object": "STATISTICS"}
"""What ALTER calls a sort of objects that pg_identify_object calls otherwise."""


def carry(old: Connection, new: Connection, schemas: Sequence[str]) -> None:
    """Give what is in schemas of the new database to those whose the same objects of the target are.

    Raises:
        psycopg.Error: the server refuses.
    """
    wanted = _owners(old, schemas)
    for (kind, identity), owner in _owners(new, schemas).items():
        to = wanted.get((kind, identity), owner)
        if to != owner:
            what = sql.SQL(f"{_WORDS.get(kind, kind)} {identity}")
            new.execute(sql.SQL("ALTER {} OWNER TO {}").format(what, sql.Identifier(to)))


def _owners(connection: Connection, schemas: Sequence[str]) -> dict[tuple[str, str], str]:
    found = connection.execute(_OWNERS, (list(schemas),))
    return {(kind, identity): owner for kind, identity, owner in found}
