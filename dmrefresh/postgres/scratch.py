"""A database for a moment, in which a ruleset's SQL is run on sanitised rows that go on to a bucket."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from dmrefresh.errors import Failure, RightsMissing
from dmrefresh.machine.postgres_programs import find_pg_dump
from dmrefresh.observer import Observer
from dmrefresh.postgres import Connection, lock
from dmrefresh.postgres.embedded import embedded
from dmrefresh.postgres.failures import translated
from dmrefresh.postgres.guard import Guard
from dmrefresh.postgres.quoting import quoted
from dmrefresh.postgres.reach import connect, session_facts
from dmrefresh.postgres.reach.conninfo import destination_of
from dmrefresh.postgres.reach.reaching import is_remote
from dmrefresh.settings.model import Programs

EMBEDDED = "embedded"
_WHOSE = "scratch server"
"""What it is called in messages."""
_PREFIX = "dmrefresh_scratch_"
_MARK = "dmrefresh: sanitised rows for a moment, dropped by the next run if it was broken off"

# Ours are told by their comment; one that has none yet lets nobody in. Until there is a session in it, one that is
# being made looks like one that was left: whoever makes it holds a lock in its name, which the server lets go of when
# that run is killed.
_OURS = """
SELECT d.datname FROM pg_catalog.pg_database d
WHERE d.datname LIKE %s AND pg_catalog.pg_has_role(d.datdba, 'USAGE')
  AND (pg_catalog.shobj_description(d.oid, 'pg_database') = %s
       OR NOT d.datallowconn AND pg_catalog.shobj_description(d.oid, 'pg_database') IS NULL)
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity a WHERE a.datid = d.oid)
"""


@contextmanager
def scratch(where: str, major: int, guard: Guard, observer: Observer, *, postgres: Path | None = None) -> Iterator[str]:
    """Have an empty database for the length of the block.

    Args:
        where: `embedded`, or the connection URL of a server on which the role may create databases.
        major: the version of PostgreSQL that the dump is of.
        guard: refuses production as a named server.
        observer: is told what could not be dropped.
        postgres: the server's program for `embedded`, where the settings name one.

    Yields:
        the database's connection URL.

    Raises:
        UsageFailure: there is no server, or the URL is none.
        RightsMissing: the role may not create databases, or is a superuser.
        TargetUnfit: the server is production's, or takes no data.
        TargetUnreachable: the server does not answer.
    """
    if where == EMBEDDED:
        with embedded(major, postgres) as url:
            yield url
        return
    with _session(where, guard) as (maintenance, place):
        _sweep(maintenance)
        name = f"{_PREFIX}{datetime.now(UTC):%Y%m%d%H%M%S}_{secrets.token_hex(4)}"
        with translated("while a scratch database was made", called=_WHOSE):
            lock.hold(maintenance, lock.of_database(name))
            _create(maintenance, name)
        url = make_conninfo(place, dbname=name)
        try:
            # A session of ours is in it all the time, also should the other be lost.
            with connect.session(url, "dmrefresh scratch", called=_WHOSE):
                yield url
        finally:
            _drop_after(maintenance, place, name, observer)


def try_scratch(where: str, major: int, guard: Guard, programs: Programs) -> int:
    """Make such a database and drop it again, and find the pg_dump for it; returns its server's major version.

    Args:
        where, major, guard: as of `scratch`.
        programs: of the settings; they may name the server and the pg_dump.

    Raises:
        Failure: one of the two cannot be had; see `scratch`, and `find_pg_dump`.
    """
    with scratch(where, major, guard, Observer(), postgres=programs.postgres) as url:
        with connect.session(url, "dmrefresh scratch", called=_WHOSE) as connection:
            version = session_facts.major(connection)
        find_pg_dump(version, programs.pg_dump)
    return version


def look(where: str, guard: Guard) -> None:
    """See that a named server would do, before anything is fetched; `embedded` is tried when it is needed.

    Raises:
        Failure: it would not; see `scratch`.
    """
    if where != EMBEDDED:
        with _session(where, guard):
            pass


@contextmanager
def _session(where: str, guard: Guard) -> Iterator[tuple[Connection, str]]:
    """A session on a named server that is neither production's nor a superuser's, and its connection string."""
    place = destination_of(where, _WHOSE)
    guard.check_host(f"{place.host},{place.hostaddr}")
    with connect.session(place.conninfo, "dmrefresh scratch", called=_WHOSE) as maintenance:
        guard.check(maintenance)
        connect.refuse_standby(maintenance)
        if session_facts.is_superuser(maintenance):
            raise RightsMissing(
                "The role of the scratch server is a superuser; functions in the dump would run with every right.",
                hint="use an ordinary role with CREATEDB",
            )
        yield maintenance, place.conninfo


def is_elsewhere(where: str) -> bool:
    """Whether the scratch database would be on another machine.

    Raises:
        UsageFailure: `where` is no connection URL.
    """
    return where != EMBEDDED and is_remote(destination_of(where, _WHOSE))


def _create(connection: Connection, name: str) -> None:
    identifier = sql.Identifier(name)
    try:
        # Nobody gets in before it has its comment, by which the next run knows it for ours.
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8' ALLOW_CONNECTIONS false").format(identifier)
        )
    except psycopg.errors.InsufficientPrivilege:
        (role,) = quoted(connection, connection.info.user)
        raise RightsMissing(
            "The role of the scratch server may not create databases.",
            hint=f"as an administrator: ALTER ROLE {role} CREATEDB",
        ) from None
    connection.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(identifier, _MARK))
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(identifier))
    connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(identifier))


def _sweep(connection: Connection) -> None:
    """Drop what runs that were killed have left: those in which nobody is any more, and that nobody is making."""
    with translated("while scratch databases of before were dropped", called=_WHOSE):
        for (name,) in connection.execute(_OURS, (f"{_PREFIX}%", _MARK)).fetchall():
            if lock.is_held(connection, lock.of_database(name)):
                continue
            with suppress(psycopg.errors.ObjectInUse):
                connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))


def _drop_after(connection: Connection, place: str, name: str, observer: Observer) -> None:
    """Drop our own, by a session of its own where that one is lost; what cannot be dropped is said."""
    drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    with suppress(psycopg.Error):
        connection.execute(drop)
        return
    try:
        with connect.session(place, "dmrefresh scratch") as other:
            other.execute(drop)
    except (psycopg.Error, Failure):
        observer.warn(f"the scratch database {name} could not be dropped; the next run will try again.")
