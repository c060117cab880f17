"""A database for a moment, in which a ruleset's SQL is run on sanitised rows that go on to a bucket."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from dmrefresh.errors import Failure, RightsMissing
from dmrefresh.postgres import Connection, connect, lock
from dmrefresh.postgres.conninfo import placed
from dmrefresh.postgres.embedded import embedded
from dmrefresh.postgres.failures import translated
from dmrefresh.postgres.reaching import is_remote

EMBEDDED = "embedded"
_PREFIX = "dmrefresh_scratch_"
_MARK = "dmrefresh: sanitised rows for a moment, dropped by the next run if it was broken off"

_OURS = """
SELECT d.datname FROM pg_catalog.pg_database d
WHERE pg_catalog.starts_with(d.datname, %s) AND pg_catalog.pg_has_role(d.datdba, 'USAGE')
  AND pg_catalog.shobj_description(d.oid, 'pg_database') = %s
"""


@contextmanager
def scratch(
    where: str,
    major: int,
    *,
    postgres: Path | None = None,
    allowed: Callable[[str], None] = lambda host: None,
) -> Iterator[str]:
    """Have an empty database for the length of the block.

    Args:
        where: `embedded`, or the connection URL of a server on which the role may create databases.
        major: the version of PostgreSQL that the dump is of.
        postgres: the server's program for `embedded`, where the settings name one.
        allowed: is given a named server's names and addresses; it raises where they are refused.

    Yields:
        the database's connection URL.

    Raises:
        UsageFailure: there is no server, or the URL is none.
        RightsMissing: the role may not create databases.
        TargetUnreachable: the server does not answer.
    """
    if where == EMBEDDED:
        with embedded(major, postgres) as url:
            yield url
        return
    place = placed(where, EMBEDDED)
    allowed(f"{place.host},{place.hostaddr}")
    with connect.session(place.conninfo, "dmrefresh scratch") as maintenance:
        connect.refuse_standby(maintenance)
        _sweep(maintenance)
        name = f"{_PREFIX}{datetime.now(UTC):%Y%m%d%H%M%S}_{secrets.token_hex(4)}"
        with translated("while a scratch database was made"):
            lock.hold(maintenance, lock.of_database(name))
            _create(maintenance, name)
        try:
            yield make_conninfo(place.conninfo, dbname=name)
        finally:
            with suppress(psycopg.Error, Failure):
                _drop(maintenance, name)


def is_elsewhere(where: str) -> bool:
    """Whether the scratch database would be on another machine.

    Raises:
        UsageFailure: `where` is no connection URL.
    """
    return where != EMBEDDED and is_remote(placed(where, EMBEDDED))


def _create(connection: Connection, name: str) -> None:
    identifier = sql.Identifier(name)
    try:
        # Nobody gets in before it has its comment, by which the next run knows it for ours.
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8' ALLOW_CONNECTIONS false").format(identifier)
        )
    except psycopg.errors.InsufficientPrivilege:
        raise RightsMissing(
            "The role of the scratch server may not create databases.",
            hint=f"as an administrator: ALTER ROLE {connection.info.user} CREATEDB",
        ) from None
    connection.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(identifier, _MARK))
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(identifier))
    connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(identifier))


def _sweep(connection: Connection) -> None:
    """Drop what runs that were killed have left: those whose lock nobody holds."""
    with translated("while scratch databases of before were dropped"):
        for (name,) in connection.execute(_OURS, (_PREFIX, _MARK)).fetchall():
            key = lock.of_database(name)
            free = connection.execute("SELECT pg_catalog.pg_try_advisory_lock(%s, %s)", key).fetchone()
            if free is not None and free[0]:
                with suppress(psycopg.errors.ObjectInUse):
                    _drop(connection, name)
                connection.execute("SELECT pg_catalog.pg_advisory_unlock(%s, %s)", key)


def _drop(connection: Connection, name: str) -> None:
    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
