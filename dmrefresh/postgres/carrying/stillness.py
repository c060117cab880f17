"""What is carried over of the target's own is held still until the swap: what would change it waits, or is noticed.

Rows and sequences are locked by our session on the target, which is the last to leave it. Definitions, comments and
rights can be locked by nobody: what the catalogue says of them is noted, and compared once nobody else is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg
from psycopg import sql

from dmrefresh.errors import TargetBusy
from dmrefresh.postgres import Connection
from dmrefresh.postgres.carrying import strangers

_STANDSTILL = "60s"
"""How long a publisher that has stopped, or is cut off, keeps writers waiting once all is carried over."""
_TABLES = """
SELECT n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY (%s) AND c.relkind IN ('r', 'p') ORDER BY c.oid
"""
_SEQUENCES = """
SELECT n.nspname, c.relname, s.seqcache FROM pg_catalog.pg_sequence s
JOIN pg_catalog.pg_class c ON c.oid = s.seqrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY (%s) ORDER BY c.oid
"""
_WRITTEN = (
    ("pg_attrdef", "adrelid", "relation"),
    ("pg_attribute", "attrelid", "relation"),
    ("pg_collation", "collnamespace", "place"),
    ("pg_constraint", "connamespace", "place"),
    ("pg_default_acl", "defaclnamespace", "place"),
    ("pg_description", "objoid", "anything"),
    ("pg_enum", "enumtypid", "type"),
    ("pg_event_trigger", "", ""),
    ("pg_extension", "", ""),
    ("pg_index", "indrelid", "relation"),
    ("pg_inherits", "inhrelid", "relation"),
    ("pg_opclass", "opcnamespace", "place"),
    ("pg_operator", "oprnamespace", "place"),
    ("pg_opfamily", "opfnamespace", "place"),
    ("pg_policy", "polrelid", "relation"),
    ("pg_rewrite", "ev_class", "relation"),
    ("pg_sequence", "seqrelid", "relation"),
    ("pg_statistic_ext", "stxnamespace", "place"),
    ("pg_trigger", "tgrelid", "relation"),
    ("pg_ts_config", "cfgnamespace", "place"),
    ("pg_ts_dict", "dictnamespace", "place"),
)
"""Catalogues, and by which of their columns a row is about something in the schemas."""
# A row of a catalogue that is written anew is another version, in another place (ctid), by another transaction (xmin).
# ANALYZE and VACUUM write over what there is.
_CATALOGUE = sql.SQL("""
WITH place AS (SELECT n.ctid, n.oid, n.xmin FROM pg_catalog.pg_namespace n WHERE n.nspname = ANY ({schemas})),
relation AS (SELECT c.ctid, c.oid, c.xmin FROM pg_catalog.pg_class c WHERE c.relnamespace IN (SELECT oid FROM place)),
routine AS (SELECT p.ctid, p.oid, p.xmin FROM pg_catalog.pg_proc p WHERE p.pronamespace IN (SELECT oid FROM place)),
type AS (SELECT t.ctid, t.oid, t.xmin FROM pg_catalog.pg_type t WHERE t.typnamespace IN (SELECT oid FROM place)),
anything AS (SELECT oid FROM place UNION ALL SELECT oid FROM relation UNION ALL SELECT oid FROM routine
             UNION ALL SELECT oid FROM type),
written AS (
    SELECT 'place' AS what, ctid, xmin FROM place UNION ALL SELECT 'relation', ctid, xmin FROM relation
    UNION ALL SELECT 'routine', ctid, xmin FROM routine UNION ALL SELECT 'type', ctid, xmin FROM type
    {others})
SELECT coalesce(pg_catalog.md5(pg_catalog.string_agg(said, ';' ORDER BY said)), '')
FROM (SELECT pg_catalog.concat_ws(' ', what, ctid, xmin) AS said FROM written) w
""")
_IN_ONE = sql.SQL(" UNION ALL SELECT {what}, x.ctid, x.xmin FROM {catalogue} x{about}")
_ABOUT = sql.SQL(" WHERE x.{column} IN (SELECT oid FROM {of})")


@dataclass(frozen=True, slots=True)
class Held:
    """What is held still: schemas, and a digest of what the catalogue said of them."""

    schemas: tuple[str, ...]
    digest: str


def hold(connection: Connection, replaced: Sequence[str]) -> Held:
    """Let nobody write to the tables and sequences of other schemas until the session's transaction ends.

    Args:
        connection: a session on the target; a transaction is begun in it, and stays open.
        replaced: the schemas in which the dump makes something.

    Raises:
        TargetBusy: somebody is writing there, and has not ended within the session's lock_timeout.
        psycopg.Error: the server refuses.
    """
    connection.execute("BEGIN")
    schemas = strangers.schemas(connection, replaced)
    for schema, table in connection.execute(_TABLES, (schemas,)).fetchall():
        _lock(connection, schema, table, sql.SQL("LOCK TABLE ONLY {} IN SHARE MODE"))
    for schema, sequence, cache in connection.execute(_SEQUENCES, (schemas,)).fetchall():
        # No LOCK takes a sequence. This changes nothing, is rolled back, and holds what nextval wants to have.
        command = sql.SQL("ALTER SEQUENCE {{}} CACHE {}").format(sql.Literal(cache))
        _lock(connection, schema, sequence, sql.SQL(command.as_string(connection)))
    return Held(tuple(schemas), _digest(connection, schemas))


def bound(connection: Connection) -> None:
    """Let go by itself what the session holds, should it not be heard of for long; no swap is done without it.

    Not before all is carried over: until then the session has nothing to say, however long it takes.
    """
    connection.execute(sql.SQL("SET LOCAL idle_in_transaction_session_timeout = {}").format(_STANDSTILL))


def refuse_changed(connection: Connection, replaced: Sequence[str], held: Held) -> None:
    """Raises TargetBusy where what is held still is another than it was: too much of it cannot be locked."""
    schemas = tuple(strangers.schemas(connection, replaced))
    if (schemas, _digest(connection, schemas)) != (held.schemas, held.digest):
        raise TargetBusy(
            "What schemas beside the dump's hold was changed on the target while it was carried over.",
            hint="run it again when nobody makes or alters tables, views or functions there",
        )


def _lock(connection: Connection, schema: str, name: str, command: sql.SQL) -> None:
    try:
        connection.execute(command.format(sql.Identifier(schema, name)))
    except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
        raise TargetBusy(
            f"Somebody is writing to {schema}.{name} on the target, which the refresh carries over with what is in it.",
            hint="see who is at it (pg_stat_activity), then run it again",
        ) from None


def _digest(connection: Connection, schemas: Sequence[str]) -> str:
    others = [
        _IN_ONE.format(
            what=sql.Literal(name),
            catalogue=sql.Identifier("pg_catalog", name),
            about=_ABOUT.format(column=sql.Identifier(column), of=sql.Identifier(of)) if column else sql.SQL(""),
        )
        for name, column, of in _WRITTEN
    ]
    query = _CATALOGUE.format(schemas=sql.Literal(list(schemas)), others=sql.SQL("").join(others))
    row = connection.execute(query).fetchone()
    assert row is not None
    return str(row[0])
