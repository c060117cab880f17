"""Databases to refresh, and a short way to refresh one from another."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg

from dmrefresh.dump.events import Event
from dmrefresh.dump.reader import read_dump
from dmrefresh.observer import Observer
from dmrefresh.postgres.receipt import Receipt
from dmrefresh.postgres.strategies.publish import Published, publish
from fixtures.parts.dumping import dump_sql
from fixtures.parts.postgres import Cluster


@dataclass
class Database:
    """A database of its own for one test, owned by an ordinary role of the same name."""

    cluster: Cluster
    name: str

    @property
    def url(self) -> str:
        """As its owner."""
        return self.cluster.url(self.name, self.name)

    @property
    def superuser_url(self) -> str:
        return self.cluster.url(self.name)

    def run(self, *statements: str, superuser: bool = False) -> list[tuple[Any, ...]]:
        """Execute statements as its owner; the rows of the last one."""
        with psycopg.connect(self.superuser_url if superuser else self.url, autocommit=True) as connection:
            for statement in statements:
                cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []


def dump_of(source: Database, tmp_path: Path) -> bytes:
    """What pg_dump writes about it."""
    file = tmp_path / f"{source.name}.sql"
    dump_sql(source.cluster, source.name, file)
    return file.read_bytes()


def events(text: bytes) -> Iterable[Event]:
    """A dump's events, read in blocks of 64 KiB."""
    return read_dump(text[start : start + 65536] for start in range(0, len(text), 65536))


def refresh(
    text: bytes,
    target: Database,
    *,
    url: str | None = None,
    observer: Observer | None = None,
    allow_superuser: bool = False,
    **more: Any,
) -> Published:
    """Publish a dump's text as it is."""
    run = uuid4().hex
    slip = Receipt(run=run, dump="a dump", ruleset="none", version="0")
    return publish(
        events(text),
        url or target.url,
        lambda: slip,
        run=run,
        observer=observer,
        allow_superuser=allow_superuser,
        **more,
    )
