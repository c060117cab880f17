"""The strategy `database`: another database is loaded, which nobody reaches, and then takes the target's name.

    lock · a sibling database · the whole dump is loaded into it, over several connections ·
    BEGIN · checks · grants · receipt · COMMIT ·
    BEGIN · the target is renamed, its sessions ended · the sibling is renamed · COMMIT · the previous one is dropped

Whoever reads meanwhile sees the old data until the swap; then the session is ended, and whoever comes back finds the
new data. For a moment, some tenths of a second, new sessions have to wait or are told to try again. What of the target
is carried over and what refuses is said in `belongings`.

Needs: CREATEDB; ownership of the target, or a role that inherits it; another database of the same server to work
from; and to be allowed to end the target's sessions (pg_signal_backend where they are other roles').
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import psycopg
from psycopg.conninfo import make_conninfo

from dmrefresh import signals
from dmrefresh.dump.events import Event
from dmrefresh.errors import Failure, RightsMissing, TargetBusy, TargetUnfit
from dmrefresh.postgres import (
    Connection,
    belongings,
    connect,
    database_settings,
    fitness,
    lock,
    previous,
    receipt,
    siblings,
    spread,
)
from dmrefresh.postgres import commit as commits
from dmrefresh.postgres.failures import Newer, blaming, translated
from dmrefresh.postgres.load import Loader
from dmrefresh.postgres.strategy import (
    Check,
    Disconnected,
    Errand,
    Published,
    check_loaded,
    published,
    refuse_ended,
    transaction,
)

_RIGHTS = """
SELECT r.rolsuper OR r.rolcreatedb, pg_catalog.pg_has_role(d.datdba, 'USAGE'), pg_catalog.pg_get_userbyid(d.datdba),
       r.rolsuper OR t.spcname = 'pg_default' OR pg_catalog.has_tablespace_privilege(t.oid, 'CREATE'), t.spcname
FROM pg_catalog.pg_database d JOIN pg_catalog.pg_tablespace t ON t.oid = d.dattablespace
JOIN pg_catalog.pg_roles r ON r.rolname = current_user
WHERE d.datname = pg_catalog.current_database()
"""
_MAINTENANCE = """
SELECT d.datallowconn AND pg_catalog.has_database_privilege(d.oid, 'CONNECT')
FROM pg_catalog.pg_database d WHERE d.datname = %s
"""
# Superusers' sessions are only superusers' to end.
_SESSIONS = """
SELECT DISTINCT a.usename, u.rolsuper
FROM pg_catalog.pg_stat_activity a JOIN pg_catalog.pg_roles u ON u.oid = a.usesysid
JOIN pg_catalog.pg_roles me ON me.rolname = current_user
WHERE a.datname = %s AND a.pid <> pg_catalog.pg_backend_pid() AND NOT me.rolsuper
  AND (u.rolsuper OR NOT pg_catalog.pg_has_role(a.usesysid, 'USAGE')
                     AND NOT pg_catalog.pg_has_role('pg_signal_backend', 'USAGE'))
ORDER BY 1
"""


def _refuse_keeping(errand: Errand) -> None:
    if errand.keep_previous is not None:
        raise TargetUnfit(
            "The strategy `database` does not keep the previous data for a rollback.",
            hint='leave keep_previous out of the target\'s settings, or publish with strategy = "schema"',
        )


def _refuse_maintenance(errand: Errand) -> None:
    """There must be another database to rename the target from."""
    if errand.maintenance == errand.name:
        raise TargetUnfit(
            f"The target is the maintenance database {errand.name} itself, which cannot be renamed from within.",
            hint="set maintenance_database of this target to another one of the same server",
        )
    row = errand.connection.execute(_MAINTENANCE, (errand.maintenance,)).fetchone()
    if row is None or not row[0]:
        raise RightsMissing(
            f"The target's role cannot connect to the maintenance database {errand.maintenance}.",
            hint="set maintenance_database of this target to one it can connect to",
        )


def _refuse_rights(errand: Errand) -> None:
    row = errand.connection.execute(_RIGHTS).fetchone()
    assert row is not None
    may_create, is_owner, owner, may_place, tablespace = row
    role = errand.connection.info.user
    lacks, grant = [], []
    if not may_create:
        lacks.append("may not create databases")
        grant.append(f"ALTER ROLE {role} CREATEDB")
    if not is_owner:
        lacks.append(f"does not own the target database (that is {owner})")
        grant.append(f"ALTER DATABASE {errand.name} OWNER TO {role}")
    if not may_place:
        lacks.append(f"may not use the tablespace {tablespace}")
        grant.append(f"GRANT CREATE ON TABLESPACE {tablespace} TO {role}")
    if lacks:
        raise RightsMissing(
            f"The target's role {role} {' and '.join(lacks)}.", hint=f"as an administrator: {'; '.join(grant)}"
        )


def _refuse_taken(errand: Errand) -> None:
    siblings.refuse_taken(errand.connection, siblings.Names.of(errand.name))


def _refuse_sessions(errand: Errand) -> None:
    """Sessions that this role may not end would keep the target from being renamed."""
    _refuse_sessions_of(errand.connection, errand.name)


def _refuse_sessions_of(connection: Connection, database: str) -> None:
    found = connection.execute(_SESSIONS, (database,)).fetchall()
    superusers = [name for name, is_superuser in found if is_superuser]
    if superusers:
        raise TargetBusy(
            f"A superuser is connected to the target ({', '.join(superusers)}); only a superuser could end that.",
            hint="wait until that session has ended, then run it again",
        )
    if found:
        raise RightsMissing(
            f"The target's role may not end sessions of {', '.join(name for name, _ in found)}.",
            hint=f"as an administrator: GRANT pg_signal_backend TO {connection.info.user}",
        )


def _refuse_marked(errand: Errand) -> None:
    errand.guard.check_mark(errand.connection)


CHECKS: tuple[Check, ...] = (
    _refuse_keeping,
    _refuse_maintenance,
    _refuse_rights,
    belongings.refuse_watchers,
    belongings.refuse_strangers,
    fitness.refuse_foreign_owners,
    fitness.refuse_foreign_schemas,
    belongings.refuse_schemas,
    database_settings.refuse,
    fitness.refuse_absent_extensions,
    belongings.refuse_extensions,
    fitness.refuse_too_many,
    _refuse_taken,
    _refuse_sessions,
)
_CHECKED_AGAIN: tuple[Check, ...] = (_refuse_marked, belongings.refuse_watchers, belongings.refuse_strangers)
"""What may have come about during the load, and would be lost."""


def make_room(errand: Errand) -> None:
    """Nothing is cleared away before the lock is held; what is kept for a rollback goes with the database."""
    kept = [mark.until for mark in previous.kept(errand.connection).values() if mark.until]
    if kept:
        errand.observer.note(
            f"the data kept for a rollback until {kept[0]} goes with the previous database; "
            "there is no way back to it from here"
        )


def publish(
    errand: Errand, stream: Iterator[Event], slip: Callable[[], receipt.Receipt], newer: Newer | None
) -> Published:
    """Load a sibling and swap the databases; see `strategy.Strategy`."""
    names = siblings.Names.of(errand.name)
    url = make_conninfo(errand.url, dbname=errand.maintenance)
    with connect.session(url, f"dmrefresh {errand.run}".strip()) as maintenance:
        with translated("before the load"):
            lock.hold(maintenance, lock.of_database(names.target))
            lock.hold(errand.connection)
            siblings.sweep(maintenance, names)
        with _dropped_on_failure(maintenance, url, names):
            with translated("while the database to load was made"):
                siblings.create(maintenance, names, 1 + errand.connections)
                database_settings.carry(maintenance, names.target, names.new)
            loader, granted, changed = _load(errand, names, stream, slip, newer)
            errand.observer.step("checked")
            disconnected = _swap(errand, maintenance, url, names)
        errand.observer.step("committed")
        still_there = _clear(maintenance, url, names, errand)
    more = {"grants": granted, "still_there": still_there, "disconnected": disconnected}
    return published(loader, errand, changed, strategy="database", **more)


def _load(
    errand: Errand,
    names: siblings.Names,
    stream: Iterator[Event],
    slip: Callable[[], receipt.Receipt],
    newer: Newer | None,
) -> tuple[Loader, int, list[int]]:
    """Fill the sibling.

    Returns:
        what was loaded, how many grants were carried over, and the rows of each statement after the load.
    """
    old, observer = errand.connection, errand.observer
    with _sessions(errand, names.new) as (new, *others), transaction(new):
        loader = Loader(new, errand.head, observer, extensions_inside=True)
        with translated("before the load"):
            xid = _begun(new)
            database_settings.carry_defaults(old, new)
            loader.made_schemas = belongings.carry_schemas(old, new, errand.schemas)
            belongings.carry_extensions(old, new, fitness.extensions_of(errand.head))
        observer.step("begun")
        with errand.stopwatch.measure("publish"), blaming(newer):
            spread.load(loader, others, stream, xid)
        observer.step("loaded")
        with errand.stopwatch.measure("checks"):
            with translated("before the checks"):
                xid = _begun(new)
            changed = check_loaded(new, errand)
            with translated("while rights were carried over"):
                loader.execute_held_back()
                granted = belongings.carry_rights(old, new, errand.schemas)
            with translated("while the receipt was written"):
                receipt.write(new, slip(), sum(loader.rows.values()), errand.schemas, strategy="database")
                belongings.carry_receipts(old, new)
                belongings.carry_rights(old, new, (receipt.SCHEMA,))
                belongings.carry_event_triggers(old, new)
                refuse_ended(new, xid)
                new.execute("COMMIT")
    return loader, granted, changed


@contextlib.contextmanager
def _sessions(errand: Errand, database: str) -> Iterator[list[Connection]]:
    """All that are let into the sibling, from the first moment to the last: one, and those that load beside it."""
    url = make_conninfo(errand.url, dbname=database)
    with contextlib.ExitStack() as stack:
        named = f"dmrefresh {errand.run}".strip()
        yield [stack.enter_context(connect.session(url, named)) for _ in range(1 + errand.connections)]


def _begun(connection: Connection) -> str:
    connection.execute("BEGIN")
    return commits.transaction_id(connection)


def _swap(errand: Errand, maintenance: Connection, url: str, names: siblings.Names) -> Disconnected:
    """The moment itself. From here on the outcome is the server's: no signal may hide it."""
    with connect.session(url, f"dmrefresh {errand.run}".strip()) as ender, transaction(maintenance):
        with translated("while the target was looked at again"):
            for check in _CHECKED_AGAIN:
                check(errand)
            _refuse_sessions_of(errand.connection, names.target)
            database_settings.carry(maintenance, names.target, names.new)
            siblings.wait_until_left(maintenance, names.new)
        with signals.held_from_here(), errand.stopwatch.measure("commit"):
            errand.observer.step("committing")
            errand.connection.close()
            with translated("while the new database took the target's place"):
                return siblings.swap(maintenance, ender, url, names, errand.observer)


@contextlib.contextmanager
def _dropped_on_failure(maintenance: Connection, url: str, names: siblings.Names) -> Iterator[None]:
    """Whatever fails, the sibling goes, by a session that holds the lock; if that cannot be, the next run does it.

    Once the swap is done there is no database of that name any more.
    """
    try:
        yield
    except BaseException:
        with contextlib.suppress(psycopg.Error, Failure):
            if not maintenance.broken:
                siblings.drop_new(maintenance, names)
            else:
                with connect.session(url) as connection:
                    lock.hold(connection, lock.of_database(names.target))
                    siblings.drop_new(connection, names)
        raise


def _clear(maintenance: Connection, url: str, names: siblings.Names, errand: Errand) -> list[str]:
    """Drop the previous data; if the session that swapped was lost in that moment, on a connection of its own."""
    if not maintenance.broken:
        return siblings.clear(maintenance, names, errand.observer)
    try:
        with connect.session(url) as connection:
            lock.hold(connection, lock.of_database(names.target))
            return siblings.clear(connection, names, errand.observer)
    except (Failure, psycopg.Error):
        errand.observer.warn(f"the database {names.old} could not be dropped yet; the next run will try again.")
        return [names.old]
