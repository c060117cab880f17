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
from dmrefresh.postgres.carrying.objects import DIGEST

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
_OBJECTS = (
    ("pg_class", "relnamespace", "pg_namespace"),
    ("pg_proc", "pronamespace", "pg_namespace"),
    ("pg_type", "typnamespace", "pg_namespace"),
    ("pg_collation", "collnamespace", "pg_namespace"),
    ("pg_constraint", "connamespace", "pg_namespace"),
    ("pg_event_trigger", "", ""),
    ("pg_extension", "", ""),
    ("pg_opclass", "opcnamespace", "pg_namespace"),
    ("pg_operator", "oprnamespace", "pg_namespace"),
    ("pg_opfamily", "opfnamespace", "pg_namespace"),
    ("pg_policy", "polrelid", "pg_class"),
    ("pg_rewrite", "ev_class", "pg_class"),
    ("pg_statistic_ext", "stxnamespace", "pg_namespace"),
    ("pg_trigger", "tgrelid", "pg_class"),
    ("pg_ts_config", "cfgnamespace", "pg_namespace"),
    ("pg_ts_dict", "dictnamespace", "pg_namespace"),
)
"""Catalogues of what may have a comment, and by which of their columns a row is of a row of which other one."""
_FURTHER = (
    ("pg_amop", "amopfamily", "pg_opfamily"),
    ("pg_amproc", "amprocfamily", "pg_opfamily"),
    ("pg_attrdef", "adrelid", "pg_class"),
    ("pg_attribute", "attrelid", "pg_class"),
    ("pg_default_acl", "defaclnamespace", "pg_namespace"),
    ("pg_description", "objoid", "anything"),
    ("pg_enum", "enumtypid", "pg_type"),
    ("pg_index", "indrelid", "pg_class"),
    ("pg_inherits", "inhrelid", "pg_class"),
    ("pg_sequence", "seqrelid", "pg_class"),
    ("pg_ts_config_map", "mapcfg", "pg_ts_config"),
)
"""Those whose rows say more about these."""
# A row of a catalogue that is written anew is another version, in another place (ctid), by another transaction (xmin).
# ANALYZE and VACUUM write over what there is.
_CATALOGUE = sql.SQL("""
WITH pg_namespace AS (SELECT n.ctid, n.oid, n.xmin FROM pg_catalog.pg_namespace n WHERE n.nspname = ANY ({schemas})),
{objects},
anything AS ({oids}),
written AS ({rows})
SELECT {digest} FROM (SELECT pg_catalog.concat_ws(' ', what, ctid, xmin) AS said FROM written) w
""")
_OBJECT = sql.SQL("{catalogue} AS (SELECT x.ctid, x.oid, x.xmin FROM pg_catalog.{catalogue} x{about})")
_ABOUT = sql.SQL(" WHERE x.{column} IN (SELECT oid FROM {of})")
_OID = sql.SQL("SELECT oid FROM {catalogue}")
_UNION = sql.SQL(" UNION ALL ")
_ROW = sql.SQL("SELECT {what} AS what, ctid, xmin FROM {catalogue}")
_FURTHER_ROW = sql.SQL("SELECT {what}, x.ctid, x.xmin FROM pg_catalog.{catalogue} x{about}")


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
    among = ["pg_namespace", *(catalogue for catalogue, _, _ in _OBJECTS)]
    query = _CATALOGUE.format(
        schemas=sql.Literal(list(schemas)),
        objects=sql.SQL(", ").join(_filled(_OBJECT, *one) for one in _OBJECTS),
        oids=_UNION.join(_filled(_OID, one) for one in among),
        rows=_UNION.join([_filled(_ROW, one) for one in among] + [_filled(_FURTHER_ROW, *one) for one in _FURTHER]),
        digest=sql.SQL(DIGEST),
    )
    row = connection.execute(query).fetchone()
    assert row is not None
    return str(row[0])


def _filled(part: sql.SQL, catalogue: str, column: str = "", of: str = "") -> sql.Composed:
    about = _ABOUT.format(column=sql.Identifier(column), of=sql.Identifier(of)) if column else sql.SQL("")
    return part.format(what=sql.Literal(catalogue), catalogue=sql.Identifier(catalogue), about=about)
