"""What outside a schema depends on something inside it.

Swapping the schema would leave those objects pointing at the previous data, and dropping that with CASCADE
would take them along. So they are found first, and named.
"""

from __future__ import annotations

from collections.abc import Sequence

from dmrefresh.errors import TargetUnfit
from dmrefresh.lists import listed_apart
from dmrefresh.postgres import Connection

# pg_depend: https://www.postgresql.org/docs/current/catalog-pg-depend.html
# `inside` starts with what lies in the schemas (every such object depends on its namespace) and follows
# internal, automatic and partition dependencies: indexes, row types, rules, triggers, defaults, constraints.
# A cast lies in no schema; it is its types' own, and comes again with the dump that makes these.
# What has a life of its own must not be taken for inside on the way: relations of other schemas (a partition,
# say), extensions, publications' tables, and constraints, triggers, policies and defaults of outside tables.
_QUERY = """
WITH RECURSIVE swapped AS (
    SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = ANY (%(schemas)s)
), inside (classid, objid) AS (
    SELECT d.classid, d.objid
    FROM pg_catalog.pg_depend d
    WHERE d.refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass
      AND d.refobjid IN (SELECT oid FROM swapped)
      AND d.classid NOT IN ('pg_catalog.pg_extension'::pg_catalog.regclass,
                            'pg_catalog.pg_publication_namespace'::pg_catalog.regclass)
    UNION
    SELECT d.classid, d.objid
    FROM pg_catalog.pg_depend d JOIN inside i ON d.refclassid = i.classid AND d.refobjid = i.objid
    WHERE (d.deptype IN ('i', 'a', 'P', 'S')
           OR d.classid = 'pg_catalog.pg_cast'::pg_catalog.regclass
              AND d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass)
      AND d.classid <> 'pg_catalog.pg_publication_rel'::pg_catalog.regclass
      AND NOT EXISTS (
          SELECT FROM pg_catalog.pg_class c
          WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND c.oid = d.objid
            AND c.relnamespace NOT IN (SELECT oid FROM swapped)
            AND c.relnamespace <> 'pg_toast'::pg_catalog.regnamespace)
), dependents AS (
    SELECT d.classid, d.objid, d.objsubid
    FROM pg_catalog.pg_depend d JOIN inside i ON d.refclassid = i.classid AND d.refobjid = i.objid
    WHERE d.deptype <> 'e'
    UNION
    SELECT d.classid, d.objid, d.objsubid
    FROM pg_catalog.pg_depend d
    WHERE d.refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass
      AND d.refobjid IN (SELECT oid FROM swapped)
    UNION
    SELECT d.refclassid, d.refobjid, 0
    FROM pg_catalog.pg_depend d JOIN inside i ON d.classid = i.classid AND d.objid = i.objid
    WHERE d.deptype = 'e'
)
SELECT DISTINCT pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid)
FROM dependents d
WHERE NOT EXISTS (SELECT FROM inside i WHERE i.classid = d.classid AND i.objid = d.objid)
  AND NOT (d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
           AND EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = d.objid
                       AND c.relnamespace = 'pg_toast'::pg_catalog.regnamespace))
ORDER BY 1
"""


def outside(connection: Connection, schemas: Sequence[str]) -> list[str]:
    """Describe, in PostgreSQL's words, what lies outside `schemas` and depends on something inside.

    Views, foreign keys, triggers, policies, defaults and partitions of other schemas, other sessions'
    temporary views, event triggers, extensions, publications. An extension that keeps an object in
    the schema is named as well: even its owner cannot move that. A cast is named only where it is between
    types outside and does its work by a function inside.
    """
    return [row[0] for row in connection.execute(_QUERY, {"schemas": list(schemas)})]


def refuse(connection: Connection, schemas: Sequence[str]) -> None:
    """Raises TargetUnfit, naming them, where there are any."""
    found = outside(connection, schemas)
    if not found:
        return
    raise TargetUnfit(
        f"Objects outside the schema depend on what is inside it, and a swap would lose them: {listed_apart(found)}.",
        hint="move or drop them first; nothing of others is ever dropped along",
    )
