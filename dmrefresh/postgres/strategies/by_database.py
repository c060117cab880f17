"""The strategy `database`: another database is loaded, which nobody reaches, and then takes the target's name.

    lock · a sibling database · the whole dump is loaded into it, over several connections ·
    BEGIN · checks · what other schemas hold, which is held still from here · grants · receipt · COMMIT ·
    BEGIN · the target is renamed, its sessions ended · the sibling is renamed · COMMIT · the previous one is dropped

Whoever reads meanwhile sees the old data until the swap; then the session is ended, and whoever comes back finds the
new data. For a moment, some tenths of a second, new sessions have to wait or are told to try again. What of the target
is carried over and what refuses is said in `belongings` and `strangers`.

Needs: CREATEDB; ownership of the target, or a role that inherits it; another database of the same server to work
from; and to be allowed to end the target's sessions (pg_signal_backend where they are other roles').
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import psycopg
from psycopg.conninfo import make_conninfo

from dmrefresh.dump.events import Event
from dmrefresh.errors import Failure, TargetUnreachable
from dmrefresh.machine import signals
from dmrefresh.postgres import Connection, lock, moved_aside, receipt
from dmrefresh.postgres.carrying import (
    belongings,
    database_settings,
    default_privileges,
    extensions,
    meanwhile,
    of_superusers,
    other_schemas,
    owners,
    stillness,
    strangers,
)
from dmrefresh.postgres.carrying.stillness import Held
from dmrefresh.postgres.errand import Errand
from dmrefresh.postgres.failures import translated
from dmrefresh.postgres.loading import after_load, brought_extensions, compression, spread
from dmrefresh.postgres.loading import commit as commits
from dmrefresh.postgres.loading.load import Loader
from dmrefresh.postgres.newer import Newer, blaming
from dmrefresh.postgres.reach import connect
from dmrefresh.postgres.strategies import replaceable, siblings
from dmrefresh.postgres.strategies.strategy import (
    Disconnected,
    Published,
    check_loaded,
    published,
    transaction,
)
from dmrefresh.postgres.strategies.swap import Swap

CHECKS = replaceable.CHECKS


def make_room(errand: Errand) -> None:
    """Nothing is cleared away before the lock is held; what is kept for a rollback goes with the database."""
    kept = [mark.until for mark in moved_aside.kept_marks(errand.connection).values() if mark.until]
    if kept:
        errand.observer.note(
            f"the data kept for a rollback until {kept[0]} goes with the previous database; "
            "there is no way back to it from here"
        )
    strangers.say_whose_code_runs(errand)


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
        # What is held still on the target waits no longer than it must, should anything fail.
        with _dropped_on_failure(maintenance, url, names), transaction(errand.connection):
            with translated("while the database to load was made"):
                siblings.create(maintenance, names, 1 + errand.connections)
                database_settings.carry(maintenance, names.target, names.new)
            loaded = _load(errand, names, stream, slip, newer)
            if errand.dump_others is not None:  # before anything is said, which may be read slowly
                with translated("while other schemas of the target were held still"):
                    stillness.bound(errand.connection)
            errand.observer.step("checked")
            disconnected = _swap(errand, loaded, maintenance, url, names)
        errand.observer.step("committed")
        if loaded.held.schemas:
            errand.observer.note(
                f"carried over with {loaded.carried:,} rows, since the dump has nothing of it: "
                f"the schema(s) {', '.join(loaded.held.schemas)}"
            )
        still_there = _clear(maintenance, url, names, errand)
    return replace(
        published(loaded.loader, errand, loaded.changed),
        grants=loaded.granted,
        still_there=still_there,
        strategy="database",
        disconnected=disconnected,
    )


@dataclass(frozen=True, slots=True)
class _Loaded:
    """What was loaded, how many grants were carried over, the rows of each statement after the load, what of the
    target is held still until the swap, how many rows of that were carried over, and what is noted of the rest."""

    loader: Loader
    granted: int
    changed: list[int]
    held: Held
    carried: int
    noted: dict[str, str]


def _load(
    errand: Errand,
    names: siblings.Names,
    stream: Iterator[Event],
    slip: Callable[[], receipt.Receipt],
    newer: Newer | None,
) -> _Loaded:
    """Fill the sibling."""
    old, observer = errand.connection, errand.observer
    with _sessions(errand, names.new) as (new, *beside), transaction(new):
        loader = Loader(new, errand.head, observer, extensions_inside=True)
        with translated("before the load"):
            xid = _begun(new)
            noted = meanwhile.note(old)
            default_privileges.carry_of_database(old, new)
            loader.made_schemas = belongings.carry_schemas(old, new, errand.schemas)
            extensions.carry(old, new, brought_extensions.brought_by(errand.head))
        observer.step("begun")
        with errand.stopwatch.measure("publish"), blaming(newer):
            spread.load(loader, beside, stream, xid)
        observer.step("loaded")
        with errand.stopwatch.measure("checks"):
            with translated("before the checks"):
                xid = _begun(new)
            changed = check_loaded(new, errand, loader, beside)
            held, carried = _carry_others(errand, new)
            with translated("while rights were carried over"):
                loader.execute_held_back()
                noted |= meanwhile.note_rights(old)
                of_superusers.carry_functions(old, new, errand.schemas)
                granted = belongings.carry_rights(old, new, errand.schemas, held.schemas)
                owners.carry(old, new, held.schemas, whole=True)
                owners.carry(old, new, errand.schemas)
            with translated("while the receipt was written"):
                receipt.write(new, slip(), sum(loader.rows.values()), errand.schemas, strategy="database")
                belongings.carry_receipts(old, new)
                belongings.carry_rights(old, new, (receipt.SCHEMA,))
                of_superusers.carry_event_triggers(old, new)
                commits.refuse_ended(new, xid)
                new.execute("COMMIT")
    return _Loaded(loader, granted, changed, held, carried, noted)


def _carry_others(errand: Errand, new: Connection) -> tuple[Held, int]:
    """Carry over what other schemas hold, which is held still from then on; what that is, and of how many rows."""
    if errand.dump_others is None:
        return Held((), ""), 0
    with translated("while other schemas of the target were looked at"):
        others = strangers.schemas(errand.connection, errand.schemas)
    if others:  # said before they wait: whoever reads it slowly must not hold them up
        errand.observer.note(f"writes to {', '.join(others)} wait from here until the new data is in its place")
    with translated("while other schemas of the target were looked at"):
        held = stillness.hold(errand.connection, errand.schemas)
    carried = other_schemas.carry(errand, new, held)
    if held.schemas:  # code of theirs has run meanwhile, which may have written to what was checked before
        after_load.check(new, errand.script, errand.schemas)
    return held, carried


@contextlib.contextmanager
def _sessions(errand: Errand, database: str) -> Iterator[list[Connection]]:
    """All that are let into the sibling, from the first moment to the last: one, and those that load beside it."""
    url = make_conninfo(errand.url, dbname=database)
    wanted = 1 + errand.connections
    with contextlib.ExitStack() as stack:
        there: list[Connection] = []
        while len(there) < wanted:
            try:
                there.append(stack.enter_context(connect.session(url, f"dmrefresh {errand.run}".strip())))
            except TargetUnreachable as failure:
                if there:
                    failure.hint = (
                        f"only {len(there)} of {wanted} sessions got in: make room (max_connections, the role's "
                        "CONNECTION LIMIT), or set connections = 1 for this target"
                    )
                raise
        for connection in there:
            compression.use(connection, errand.toast_compression)
        yield there


def _begun(connection: Connection) -> str:
    connection.execute("BEGIN")
    return commits.transaction_id(connection)


def _swap(errand: Errand, loaded: _Loaded, maintenance: Connection, url: str, names: siblings.Names) -> Disconnected:
    """The moment itself. From here on the outcome is the server's: no signal may hide it."""
    with connect.session(url, f"dmrefresh {errand.run}".strip()) as ender, transaction(maintenance):
        with translated("while the target was looked at again"):
            for check in replaceable.CHECKED_AGAIN:
                check(errand)
            meanwhile.refuse_changed(errand.connection, loaded.noted)
            replaceable.refuse_sessions_of(errand.connection, names.target)
            database_settings.carry(maintenance, names.target, names.new)
            siblings.wait_until_left(maintenance, names.new)
        with signals.held_from_here(), errand.stopwatch.measure("commit"):
            errand.observer.step("committing")
            with translated("while the new database took the target's place"):
                check = partial(_check_last, errand, loaded, names)
                return Swap(maintenance, ender, errand.connection, check, url, names, errand.observer).run()


def _check_last(errand: Errand, loaded: _Loaded, names: siblings.Names) -> None:
    """See what has come about up to the moment in which nobody else is in the target any more."""
    for check in replaceable.CHECKED_AGAIN:
        check(errand)
    if errand.dump_others is not None:
        stillness.refuse_changed(errand.connection, errand.schemas, loaded.held)
    meanwhile.refuse_changed(errand.connection, loaded.noted)
    meanwhile.refuse_set(errand.connection, names.target, names.new)


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
