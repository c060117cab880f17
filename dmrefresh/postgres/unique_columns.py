"""Which columns of a database hold no value twice, as its indexes say, and how large the tables of these are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmrefresh.postgres.receipt import SCHEMA

if TYPE_CHECKING:
    import psycopg

# An index on an expression, such as lower(email), depends on the columns in it; more than one of them tells nothing
# about any. A partial index is taken for a whole one: what is unique among all rows is so among some.
_FIND = """
SELECT n.nspname, c.relname, min(a.attname::text), greatest(c.reltuples, 0)::bigint
FROM pg_index i
JOIN pg_class c ON c.oid = i.indrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND (
    a.attnum = i.indkey[0]
    OR (i.indkey[0] = 0 AND EXISTS (
        SELECT FROM pg_depend d
        WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
          AND d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid AND d.refobjsubid = a.attnum)))
WHERE i.indisunique AND i.indnkeyatts = 1 AND a.attnum > 0
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND NOT starts_with(n.nspname, %(ours)s)
GROUP BY i.indexrelid, n.nspname, c.relname, c.reltuples
HAVING count(*) = 1
"""


def unique_columns(connection: psycopg.Connection) -> tuple[dict[str, set[str]], dict[str, int]]:
    """The columns in which no value comes twice, and about how many rows their tables have.

    Args:
        connection: to the database; a role that may connect may ask.

    Returns:
        both by table, as rulesets write their names: without the schema where it is `public`. Of tables that were
        never analysed the number of rows is 0.
    """
    columns: dict[str, set[str]] = {}
    rows: dict[str, int] = {}
    for schema, table, column, count in connection.execute(_FIND, {"ours": SCHEMA}):
        name = table if schema == "public" else f"{schema}.{table}"
        columns.setdefault(name, set()).add(column)
        rows[name] = count
    return columns, rows
