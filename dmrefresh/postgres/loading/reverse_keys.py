"""Indexes on what refers to rows that go, for as long as the ruleset's statements run after the load.

For each row that is deleted, the server looks for rows that refer to it. Where no index leads there, it reads the whole
referring table, and does so again for each of them (manual, 5.5.5, Foreign Keys): half a minute for twenty thousand
rows, and four times as much for twice as many. Applications that never delete such rows have no need of the index.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from psycopg import sql

from dmrefresh.dump.judging.after_load import Script
from dmrefresh.postgres import Connection
from dmrefresh.postgres.failures import translated

# Foreign keys to tables that rows are deleted from, also by a cascade, without an index that begins with their columns.
_BARE = """
WITH RECURSIVE emptied (oid) AS (
    SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE (n.nspname, c.relname) IN (
        SELECT * FROM unnest(%(schemas_of)s::pg_catalog.text[], %(names)s::pg_catalog.text[]))
    UNION
    SELECT k.conrelid FROM emptied e JOIN pg_catalog.pg_constraint k ON k.confrelid = e.oid
    WHERE k.contype = 'f' AND k.confdeltype = 'c'
)
SELECT k.oid::pg_catalog.text, n.nspname, c.relname,
       ARRAY(SELECT a.attname FROM unnest(k.conkey) WITH ORDINALITY u (number, place)
             JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.number
             ORDER BY u.place)::pg_catalog.text[]
FROM emptied e
JOIN pg_catalog.pg_constraint k ON k.confrelid = e.oid AND k.contype = 'f' AND k.conparentid = 0
JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY (%(schemas)s)
  AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_index i
    WHERE i.indrelid = k.conrelid AND i.indisvalid AND i.indpred IS NULL
      AND (i.indkey::pg_catalog.int2[])[0:pg_catalog.cardinality(k.conkey) - 1] @> k.conkey)
ORDER BY k.oid
"""


@contextmanager
def indexed(connection: Connection, script: Script, schemas: Sequence[str]) -> Iterator[None]:
    """Within the block, each foreign key to a table that the script deletes from has an index.

    They go at its end, unless it fails: then the transaction does not come to anything.

    Args:
        connection: the publishing transaction; no constraint waits to be checked at the end of the block.
        script: what is run in the block.
        schemas: those that are published.

    Raises:
        Failure: the server has no room for them.
    """
    made = []
    with translated("while indexes for the statements after the load were made"):
        for key, schema, table, columns in _bare(connection, script, schemas):
            name = f"dmrefresh_key_{key}"
            listed = sql.SQL(", ").join(map(sql.Identifier, columns))
            place = sql.Identifier(schema, table)
            connection.execute(sql.SQL("CREATE INDEX {} ON {} ({})").format(sql.Identifier(name), place, listed))
            made.append(sql.Identifier(schema, name))
    yield
    with translated("while indexes for the statements after the load were dropped"):
        for index in made:
            connection.execute(sql.SQL("DROP INDEX {}").format(index))


def _bare(connection: Connection, script: Script, schemas: Sequence[str]) -> list[tuple[str, str, str, list[str]]]:
    emptied = list(dict.fromkeys(name for step in script.steps for name in step.deletes))
    if not emptied:
        return []
    wanted = {
        "schemas_of": [name.schema for name in emptied],
        "names": [name.name for name in emptied],
        "schemas": list(schemas),
    }
    return connection.execute(_BARE, wanted).fetchall()
