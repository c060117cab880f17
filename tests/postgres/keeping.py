"""Refreshing with the previous data kept, rolling back, and all that must be as it was."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from dmrefresh.observer import Observer
from dmrefresh.postgres.receipt import Receipt
from dmrefresh.postgres.strategies.publish import publish
from dmrefresh.postgres.strategies.rollback import RolledBack
from dmrefresh.postgres.strategies.rollback import rollback as put_back
from dmrefresh.postgres.strategies.strategy import Published
from tests.postgres.databases import Database, dump_of, events

WEEK = timedelta(days=7)

# Whatever a rollback must bring back: which relations, types and routines there are, whose, and who may do what.
_OBJECTS = """
SELECT 'relation', n.nspname, c.oid::bigint, c.relname, c.relkind::text, c.relowner::regrole::text, c.relacl::text
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = ANY (%s)
UNION ALL SELECT 'type', n.nspname, t.oid::bigint, t.typname, t.typtype::text, t.typowner::regrole::text, t.typacl::text
FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE n.nspname = ANY (%s)
UNION ALL SELECT 'routine', n.nspname, p.oid::bigint, p.proname, p.prosrc, p.proowner::regrole::text, p.proacl::text
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = ANY (%s)
UNION ALL SELECT 'schema', nspname, oid::bigint, coalesce(obj_description(oid, 'pg_namespace'), '-'), '',
       nspowner::regrole::text, nspacl::text
FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
UNION ALL SELECT 'default', n.nspname, d.oid::bigint, d.defaclobjtype::text, '', d.defaclrole::regrole::text,
       d.defaclacl::text
FROM pg_default_acl d JOIN pg_namespace n ON n.oid = d.defaclnamespace WHERE n.nspname = ANY (%s)
ORDER BY 1, 2, 3
"""


@dataclass
class Heard(Observer):
    """Keeps what it is told."""

    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def warn(self, message: str) -> None:
        self.warnings.append(message)

    def note(self, message: str) -> None:
        self.notes.append(message)


def refresh(
    text: bytes,
    target: Database,
    *,
    keep: timedelta | None = WEEK,
    run: str | None = None,
    observer: Observer | None = None,
) -> Published:
    """Publish a dump's text as it is, and keep what was there."""
    slip = Receipt(
        run=run or uuid4().hex, dump="a dump", ruleset="none", version="0", target="staging", published_by="jo@here"
    )
    return publish(events(text), target.url, lambda: slip, run=slip.run, keep_previous=keep, observer=observer)


def rollback(target: Database, *, url: str | None = None, observer: Observer | None = None) -> RolledBack:
    """Put the kept data back."""
    slip = Receipt(uuid4().hex, "", "", "0", "staging", "jo@here")
    return put_back(url or target.url, slip, observer=observer)


def dump_with(source: Database, tmp_path: Path, *statements: str) -> bytes:
    """The dump of a database after these statements, the first of which may clear it."""
    source.run(*statements)
    return dump_of(source, tmp_path)


def state_of(target: Database, *schemas: str) -> list[tuple[Any, ...]]:
    """Its objects in `public` and these schemas, their rights and rows."""
    named = ", ".join(f"'{name}'" for name in ("public", *schemas))
    found = target.run(_OBJECTS.replace("%s", f"ARRAY[{named}]"), superuser=True)
    for _, schema, _, name, kind, *_ in [row for row in found if row[0] == "relation" and row[4] in "rp"]:
        rows = target.run(f'SELECT t::text FROM "{schema}"."{name}" t ORDER BY 1', superuser=True)
        found.append((kind, schema, name, *rows))
    return found
