"""The receipt: what was published, when, from which dump, by whom, written in the publishing transaction itself."""

from __future__ import annotations

import json
import os
import pwd
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypedDict

from psycopg.types.json import Jsonb

from dmrefresh.postgres import Connection

SCHEMA = "dmrefresh"
"""Holds the receipts alone; it is no part of the refreshed data and is never swapped."""

# What was not there from the beginning is added where it is missing, empty for the rows of before.
_ADDED = {
    "target": "text NOT NULL DEFAULT ''",
    "published_by": "text NOT NULL DEFAULT ''",
    "role": "text NOT NULL DEFAULT ''",
    "strategy": "text NOT NULL DEFAULT 'schema'",
    "kept_until": "timestamptz",
    "restored": "text",
    "contents": "jsonb",
    "cleaned": "text NOT NULL DEFAULT ''",
}
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")

# What makes the data this data: the identity of its schemas and tables. Casts lie in no schema; see `kept`.
_CONTENTS = """
SELECT n.nspname, n.oid::bigint,
       (SELECT coalesce(pg_catalog.jsonb_object_agg(c.relname, c.oid::bigint), '{}'::jsonb)
        FROM pg_catalog.pg_class c WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p', 'm', 'f')),
       EXISTS (SELECT FROM pg_catalog.pg_type t JOIN pg_catalog.pg_cast a ON t.oid IN (a.castsource, a.casttarget)
               WHERE t.typnamespace = n.oid)
FROM pg_catalog.pg_namespace n WHERE n.nspname = ANY (%s)
"""


class Contents(TypedDict):
    """A published schema: its oid, its tables' by name, and whether its types have casts."""

    oid: int
    tables: dict[str, int]
    casts: bool


@dataclass(frozen=True, slots=True)
class Receipt:
    """What is known about a refresh before it begins.

    Attributes:
        run: the run's identifier.
        dump: the object's name.
        ruleset: fingerprint of the ruleset, the pools and the key.
        version: of dmrefresh.
        target: the target's name in the settings.
        published_by: who ran it, where, from `publisher`.
        cleaned: the name of the cleaned dump that it came by, where it did; `dump` is the one that was made of.
    """

    run: str
    dump: str
    ruleset: str
    version: str
    target: str = ""
    published_by: str = ""
    cleaned: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A receipt as the target holds it; what an earlier version did not write is empty.

    Attributes:
        run, dump, ruleset, version, target, published_by, cleaned: see `Receipt`.
        strategy: how the new data took the place of the old.
        role: the role of the session that published.
        rows: rows published.
        published_at: when.
        kept_until: until when what was there before is kept for a rollback, if it is.
        restored: for a rollback, the run whose data was put back.
        contents: each published schema; None where it was not noted.
    """

    run: str
    dump: str
    ruleset: str
    version: str
    rows: int
    published_at: datetime
    target: str = ""
    published_by: str = ""
    strategy: str = "schema"
    role: str = ""
    kept_until: datetime | None = None
    restored: str | None = None
    contents: dict[str, Contents] | None = field(default=None, repr=False)
    cleaned: str = ""


def publisher() -> str:
    """Who runs this, where, as `user@host`; whatever is no letter, digit, dot or dash becomes an underscore."""
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's made-up number
        user = str(os.getuid())
    return f"{_UNSAFE.sub('_', user)}@{_UNSAFE.sub('_', socket.gethostname())}"


def write(
    connection: Connection,
    receipt: Receipt,
    rows: int,
    schemas: Sequence[str] = (),
    *,
    strategy: str = "schema",
    kept_until: datetime | None = None,
    restored: str | None = None,
) -> None:
    """Write the receipt; it becomes visible with the data or not at all.

    Args:
        connection: the publishing transaction.
        receipt: what to write.
        rows: rows published.
        schemas: those that were published; what they hold now is noted, to be told from other data later.
        strategy: how the new data took the place of the old.
        kept_until: until when the data of before is kept, if it is.
        restored: for a rollback, the run whose data is back.

    Raises:
        psycopg.Error: the server refuses.
    """
    _ensure_table(connection)
    connection.execute(
        "INSERT INTO dmrefresh.receipts (run, dump, ruleset, rows, version, target, published_by, role, strategy, "
        "kept_until, restored, contents, cleaned) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s, current_user, %s, %s, %s, %s, %s)",
        (
            *(receipt.run, receipt.dump, receipt.ruleset, rows, receipt.version),
            *(receipt.target, receipt.published_by, strategy, kept_until, restored),
            # As they are: an escape is more than a server that knows no encoding takes.
            Jsonb(contents(connection, schemas), dumps=partial(json.dumps, ensure_ascii=False)) if schemas else None,
            receipt.cleaned,
        ),
    )


def _ensure_table(connection: Connection) -> None:
    """Make the table, or add the columns that one of an earlier version lacks."""
    there = {
        name
        for (name,) in connection.execute(
            "SELECT a.attname FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid "
            "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname = 'dmrefresh' AND c.relname = 'receipts' AND a.attnum > 0 AND NOT a.attisdropped"
        ).fetchall()
    }
    if not there:
        connection.execute("CREATE SCHEMA IF NOT EXISTS dmrefresh")
        connection.execute(
            "CREATE TABLE dmrefresh.receipts ("
            "run text PRIMARY KEY, published_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(), "
            "dump text NOT NULL, ruleset text NOT NULL, rows bigint NOT NULL, version text NOT NULL)"
        )
    for name, kind in _ADDED.items():
        if name not in there:
            connection.execute(f"ALTER TABLE dmrefresh.receipts ADD COLUMN IF NOT EXISTS {name} {kind}".encode())


def latest(connection: Connection, run: str | None = None) -> Entry | None:
    """The receipt of what was published last, or of this run; None where there is none.

    Any role that may read the table may ask, and a table of an earlier version will do.

    Raises:
        psycopg.Error: the server refuses.
    """
    if not _table_exists(connection):
        return None
    row = connection.execute(
        "SELECT pg_catalog.to_jsonb(r), r.published_at, pg_catalog.to_jsonb(r) ->> 'kept_until' "
        "FROM dmrefresh.receipts r WHERE coalesce(r.run = %s::text, true) ORDER BY r.published_at DESC LIMIT 1",
        (run,),
    ).fetchone()
    if row is None:
        return None
    known: dict[str, Any] = {name: row[0][name] for name in Entry.__dataclass_fields__ if name in row[0]}
    known["published_at"] = row[1].astimezone(UTC)
    known["kept_until"] = datetime.fromisoformat(row[2]).astimezone(UTC) if row[2] else None
    return Entry(**known)


def _table_exists(connection: Connection) -> bool:
    found = connection.execute(
        "SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = 'dmrefresh' AND c.relname = 'receipts'"
    )
    return found.rowcount > 0


def contents(connection: Connection, schemas: Sequence[str]) -> dict[str, Contents]:
    """What these schemas hold now."""
    rows = connection.execute(_CONTENTS, (list(schemas),)).fetchall()
    return {name: Contents(oid=oid, tables=tables, casts=casts) for name, oid, tables, casts in rows}


def differs(published: Contents | None, now: Contents | None) -> bool:
    """Whether a schema is another than the one published, or a table in it is another of the same name.

    Tables that came later, by a migration say, and such as are gone make no difference.
    """
    if published is None or now is None or published["oid"] != now["oid"]:
        return True
    return any(published["tables"].get(name, oid) != oid for name, oid in now["tables"].items())
