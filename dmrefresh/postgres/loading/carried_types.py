"""Types keep their identity across the swap.

A prepared statement with a parameter of an enum breaks for good when the enum is made anew. So once the dump
has made a type, it is compared with the one of the same name in the previous schema, as the catalogue holds
both; where they are the same, the new one is dropped and the old one takes its place.
"""

from __future__ import annotations

from psycopg import sql

from dmrefresh.dump.events import Name
from dmrefresh.postgres import Connection

# One row of text for everything that makes up a type. Enums: labels in order. Domains: base type, default,
# not null, collation, checks. Composites: attributes in order. Types inside are compared by identity, which
# holds because they were carried over before; functions and sequences by their names, which hold the schema,
# so that a domain that leans on the previous schema differs. A type of another sort (range, base) never compares equal.
_SHAPE = """
SELECT t.oid, t.typtype::text, t.typowner,
    CASE t.typtype
    WHEN 'e' THEN (SELECT pg_catalog.array_agg(e.enumlabel::text ORDER BY e.enumsortorder)::text
                   FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid)
    WHEN 'd' THEN pg_catalog.concat_ws(E'\\n', t.typbasetype, t.typtypmod, t.typnotnull, t.typndims,
                   t.typcollation, coalesce(pg_catalog.pg_get_expr(t.typdefaultbin, 0), t.typdefault, '-'),
                   (SELECT pg_catalog.string_agg(c.conname || ' ' || c.convalidated || ' '
                        || pg_catalog.pg_get_constraintdef(c.oid), E'\\n' ORDER BY c.conname)
                    FROM pg_catalog.pg_constraint c WHERE c.contypid = t.oid))
    WHEN 'c' THEN (SELECT pg_catalog.array_agg(pg_catalog.concat_ws(' ', a.attname, a.atttypid, a.atttypmod,
                        a.attcollation, a.attndims) ORDER BY a.attnum)::text
                   FROM pg_catalog.pg_attribute a
                   WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped)
    END,
    EXISTS (SELECT FROM pg_catalog.pg_constraint c WHERE c.contypid = t.oid AND NOT c.convalidated)
FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
WHERE n.nspname = %s AND t.typname = %s
  AND (t.typtype IN ('e', 'd')
       OR t.typtype = 'c' AND (SELECT c.relkind = 'c' FROM pg_catalog.pg_class c WHERE c.oid = t.typrelid))
"""

# Each with its types as SQL has them, under the empty search_path.
_CASTS = """
SELECT pg_catalog.format_type(c.castsource, NULL), pg_catalog.format_type(c.casttarget, NULL)
FROM pg_catalog.pg_cast c JOIN pg_catalog.pg_type t ON t.oid = %(oid)s
WHERE ARRAY[c.castsource, c.casttarget] && ARRAY[t.oid, t.typarray]
"""
_DESCRIBED = """
SELECT pg_catalog.concat(CASE t.typtype WHEN 'd' THEN 'DOMAIN ' ELSE 'TYPE ' END, pg_catalog.format_type(t.oid, NULL))
FROM pg_catalog.pg_type t WHERE t.oid = %(oid)s AND pg_catalog.obj_description(t.oid, 'pg_type') IS NOT NULL
UNION ALL
SELECT pg_catalog.format('COLUMN %%s.%%I', pg_catalog.format_type(t.oid, NULL), a.attname)
FROM pg_catalog.pg_type t JOIN pg_catalog.pg_attribute a ON a.attrelid = t.typrelid
WHERE t.oid = %(oid)s AND a.attnum > 0 AND NOT a.attisdropped
  AND pg_catalog.col_description(a.attrelid, a.attnum) IS NOT NULL
UNION ALL
SELECT pg_catalog.format('CONSTRAINT %%I ON DOMAIN %%s', c.conname, pg_catalog.format_type(c.contypid, NULL))
FROM pg_catalog.pg_constraint c
WHERE c.contypid = %(oid)s AND pg_catalog.obj_description(c.oid, 'pg_constraint') IS NOT NULL
"""


def carry_over(connection: Connection, made: Name, previous_schema: str) -> bool | None:
    """Put the previous type in the place of the one just made, where both are the same.

    Args:
        connection: the publishing transaction; nothing must use the new type yet.
        made: the type the dump has just created.
        previous_schema: where the type of the same name may be.

    Returns:
        True where it was carried over, False where it differs (sessions that hold it in a prepared
        statement must reconnect), None where there was none before.

    Raises:
        psycopg.Error: the server refuses.
    """
    new = connection.execute(_SHAPE, (made.schema, made.name)).fetchone()
    old = connection.execute(_SHAPE, (previous_schema, made.name)).fetchone()
    if new is None or old is None:
        return None
    # A constraint that was never validated comes in a statement of its own, after this comparison.
    if new[1] != old[1] or new[3] != old[3] or old[4]:
        return False
    _drop_casts(connection, old[0])
    kind = sql.SQL("DOMAIN" if new[1] == "d" else "TYPE")
    connection.execute(sql.SQL("DROP {} {}").format(kind, sql.Identifier(made.schema, made.name)))
    connection.execute(
        sql.SQL("ALTER {} {} SET SCHEMA {}").format(
            kind, sql.Identifier(previous_schema, made.name), sql.Identifier(made.schema)
        )
    )
    _drop_comments(connection, old[0])
    return True


def _drop_casts(connection: Connection, oid: int) -> None:
    """Drop the casts from and to a type, which the dump makes anew as far as it has them."""
    for source, target in connection.execute(_CASTS, {"oid": oid}).fetchall():
        connection.execute(sql.SQL("DROP CAST ({} AS {})").format(sql.SQL(source), sql.SQL(target)))


def _drop_comments(connection: Connection, oid: int) -> None:
    """Drop what is said about a type and its parts; the dump says it anew as far as it does."""
    for (described,) in connection.execute(_DESCRIBED, {"oid": oid}).fetchall():
        connection.execute(sql.SQL("COMMENT ON {} IS NULL").format(sql.SQL(described)))
