"""The strategy `schema`: everything between BEGIN and COMMIT, in one transaction of the target.

    BEGIN · lock · what is kept makes room · public is moved aside · a new public is made · the whole dump is loaded ·
    checks · grants · receipt · COMMIT · the previous data is dropped

Whoever reads meanwhile sees the old data until the commit and the new data after it, over the same
connection. Whatever goes wrong before the commit rolls back: the target keeps its very relations.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import datetime

from dmrefresh.dump.events import Event
from dmrefresh.errors import TargetBusy, TargetUnfit
from dmrefresh.machine import signals
from dmrefresh.observer import Observer
from dmrefresh.postgres import Connection, lock, receipt
from dmrefresh.postgres.carrying import dependents, grants, owners
from dmrefresh.postgres.failures import Newer, blaming, translated
from dmrefresh.postgres.loading import commit as commits
from dmrefresh.postgres.loading import compression
from dmrefresh.postgres.loading.load import Loader
from dmrefresh.postgres.strategies import fitness, kept, previous
from dmrefresh.postgres.strategies.strategy import (
    Check,
    Errand,
    Published,
    check_loaded,
    published,
    refuse_ended,
    transaction,
)


def _refuse_strangers(errand: Errand) -> None:
    with contextlib.suppress(TargetBusy):  # of ours; whether it can be dropped, `make_room` tells
        previous.refuse_strangers(errand.connection, errand.schemas, superseding=True)


def _refuse_dependents(errand: Errand) -> None:
    # What is kept for a rollback may lean on types that were carried over; it makes room in the swap.
    aside = previous.left_over(errand.connection)
    try:
        dependents.refuse(errand.connection, [*errand.schemas, *aside])
    except TargetUnfit:
        # Another run may have put something aside between the two questions; nothing is locked as yet.
        now = previous.left_over(errand.connection)
        if now == aside:
            raise
        dependents.refuse(errand.connection, [*errand.schemas, *now])


def _refuse_extensions_inside(errand: Errand) -> None:
    """An extension inside a schema that is swapped would be in the way of every later refresh."""
    there = {name for (name,) in errand.connection.execute("SELECT extname FROM pg_catalog.pg_extension")}
    for name, schema in fitness.extensions_of(errand.head).items():
        if schema in errand.schemas and name not in there:
            raise TargetUnfit(
                f"The dump makes the extension {name} in the schema {schema}, which no later refresh could swap.",
                hint='say strategy = "database" for this target; where nothing in the dump uses the extension, it may '
                f"as well be made in a schema of its own first: CREATE EXTENSION {name} SCHEMA …",
            )


CHECKS: tuple[Check, ...] = (
    _refuse_strangers,
    _refuse_dependents,
    fitness.refuse_foreign_owners,
    fitness.refuse_foreign_schemas,
    fitness.refuse_too_many,
    fitness.refuse_absent_extensions,
    _refuse_extensions_inside,
)


def make_room(errand: Errand) -> None:
    """Drop the previous data of earlier refreshes, whose names are needed; what is kept stays until the commit."""
    previous.drop(errand.connection)
    previous.refuse_strangers(errand.connection, errand.schemas, superseding=True)


def publish(
    errand: Errand, stream: Iterator[Event], slip: Callable[[], receipt.Receipt], newer: Newer | None
) -> Published:
    """Swap the schemas; see `strategy.Strategy`."""
    connection, observer = errand.connection, errand.observer
    loader = Loader(connection, errand.head, observer)
    compression.use(connection, errand.toast_compression)
    with transaction(connection):
        xid, loader.made_schemas = _begin(connection, errand.schemas, observer)
        observer.step("begun")
        with errand.stopwatch.measure("publish"), blaming(newer):
            loader.load(stream)
        observer.step("loaded")
        with errand.stopwatch.measure("checks"):
            granted, kept_until, changed = _finish(errand, loader, slip, xid)
        observer.step("checked")
        # From here on the outcome is the server's: no signal may hide it.
        with signals.held_from_here(), errand.stopwatch.measure("commit"):
            observer.step("committing")
            commits.commit(connection, errand.url, xid)
    observer.step("committed")
    if kept_until is not None:
        observer.note(f"what was there before can be rolled back to until {kept_until:%Y-%m-%d %H:%M} UTC")
    connection.close()
    # On a connection of its own: the one that published may have been lost in the moment it did.
    still_there = previous.drop_after(errand.url, observer)
    return published(loader, errand, changed, grants=granted, still_there=still_there, kept_until=kept_until)


def _begin(connection: Connection, schemas: tuple[str, ...], observer: Observer) -> tuple[str, set[str]]:
    """Open the transaction, take the lock, and make those schemas anew that the target has.

    Returns:
        the transaction's number, and the schemas that were made.
    """
    with translated("before the load"):
        connection.execute("BEGIN")
        lock.take(connection)
        xid = commits.transaction_id(connection)
        # Asked again under the lock: what was found before may have changed.
        dependents.refuse(connection, [*schemas, *previous.left_over(connection)])
        previous.refuse_strangers(connection, schemas, superseding=True)
        previous.supersede(connection, observer)
        existing = connection.execute(
            "SELECT nspname FROM pg_catalog.pg_namespace WHERE nspname = ANY (%s)", (list(schemas),)
        ).fetchall()
        for (schema,) in existing:
            aside, comment = previous.name_for(schema), previous.move_aside(connection, schema)
            grants.make_schema(connection, schema, aside, comment)
            grants.carry_defaults(connection, schema, grants.defaults(connection, aside))
        return xid, {schema for (schema,) in existing}


def _finish(
    errand: Errand, loader: Loader, slip: Callable[[], receipt.Receipt], xid: str
) -> tuple[int, datetime | None, list[int]]:
    """Everything between the last row and the commit.

    Returns:
        the number of grants carried over, until when the previous data is kept, if it is, and how many rows each
        statement after the load was about.
    """
    connection, schemas = errand.connection, errand.schemas
    changed = check_loaded(connection, errand, loader)
    with translated("while rights were carried over"):
        loader.execute_held_back()
        names, aside = {schema: previous.name_for(schema) for schema in schemas}, previous.left_over(connection)
        moved = {schema: name for schema, name in names.items() if name in aside}
        granted = sum(grants.carry_over(connection, schema, name) for schema, name in moved.items())
        owners.carry(connection, connection, schemas, aside=moved)
        # Somebody may have come to depend on the old data while the new was loaded.
        dependents.refuse(connection, aside)
    with translated("while the receipt was written"):
        kept_until = kept.keep(connection, schemas, errand.keep_previous, errand.observer)
        receipt.write(connection, slip(), sum(loader.rows.values()), schemas, kept_until=kept_until)
        refuse_ended(connection, xid)
        errand.guard.check_mark(connection)  # it may have been marked during the load
    return granted, kept_until, changed
