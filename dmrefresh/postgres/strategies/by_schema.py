"""The strategy `schema`: everything between BEGIN and COMMIT, in one transaction of the target.

    BEGIN · lock · what is kept makes room · public is moved aside · a new public is made · the whole dump is loaded ·
    checks · grants · receipt · COMMIT · the previous data is dropped

Whoever reads meanwhile sees the old data until the commit and the new data after it, over the same
connection. Whatever goes wrong before the commit rolls back: the target keeps its very relations.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime

from psycopg import sql

from dmrefresh.dump.events import Event
from dmrefresh.errors import TargetBusy, TargetUnfit
from dmrefresh.machine import signals
from dmrefresh.observer import Observer
from dmrefresh.postgres import Connection, lock, moved_aside, receipt
from dmrefresh.postgres.carrying import default_privileges, dependents, grants, owners
from dmrefresh.postgres.errand import Check, Errand
from dmrefresh.postgres.failures import translated
from dmrefresh.postgres.loading import brought_extensions, compression
from dmrefresh.postgres.loading import commit as commits
from dmrefresh.postgres.loading.load import Loader
from dmrefresh.postgres.newer import Newer, blaming
from dmrefresh.postgres.strategies import dropping, fitness, kept
from dmrefresh.postgres.strategies.strategy import Published, check_loaded, published, transaction


def _refuse_strangers(errand: Errand) -> None:
    with contextlib.suppress(TargetBusy):  # of ours; whether it can be dropped, `make_room` tells
        moved_aside.refuse_strangers(errand.connection, errand.schemas, superseding=True)


def _refuse_dependents(errand: Errand) -> None:
    # What is kept for a rollback may lean on types that were carried over; it makes room in the swap.
    aside = moved_aside.left_over(errand.connection)
    try:
        dependents.refuse(errand.connection, [*errand.schemas, *aside])
    except TargetUnfit:
        # Another run may have put something aside between the two questions; nothing is locked as yet.
        now = moved_aside.left_over(errand.connection)
        if now == aside:
            raise
        dependents.refuse(errand.connection, [*errand.schemas, *now])


CHECKS: tuple[Check, ...] = (
    _refuse_strangers,
    _refuse_dependents,
    fitness.refuse_foreign_owners,
    fitness.refuse_foreign_schemas,
    fitness.refuse_too_many,
    brought_extensions.refuse_absent,
    brought_extensions.refuse_inside,
)


def make_room(errand: Errand) -> None:
    """Drop the previous data of earlier refreshes, whose names are needed; what is kept stays until the commit."""
    dropping.drop(errand.connection)
    moved_aside.refuse_strangers(errand.connection, errand.schemas, superseding=True)


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
    still_there = dropping.drop_after(errand.url, observer)
    return replace(published(loader, errand, changed), grants=granted, still_there=still_there, kept_until=kept_until)


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
        dependents.refuse(connection, [*schemas, *moved_aside.left_over(connection)])
        moved_aside.refuse_strangers(connection, schemas, superseding=True)
        moved_aside.supersede(connection, observer)
        existing = connection.execute(
            "SELECT nspname FROM pg_catalog.pg_namespace WHERE nspname = ANY (%s)", (list(schemas),)
        ).fetchall()
        for (schema,) in existing:
            aside, comment = moved_aside.name_for(schema), moved_aside.move_aside(connection, schema)
            _make_schema(connection, schema, aside, comment)
            default_privileges.carry_of_schema(connection, connection, schema, aside)
        return xid, {schema for (schema,) in existing}


def _make_schema(connection: Connection, schema: str, aside: str, comment: str | None) -> None:
    """Create `schema` for the owner of `aside`, or for this role where that is not allowed, with its comment.

    A role may make a schema for another only where it could become that role (CREATE SCHEMA).
    """
    row = connection.execute(
        "SELECT pg_catalog.pg_get_userbyid(nspowner), pg_catalog.pg_has_role(nspowner, 'MEMBER') "
        "FROM pg_catalog.pg_namespace WHERE nspname = %s",
        (aside,),
    ).fetchone()
    assert row is not None
    owner, member = row
    made = sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema))
    if member:
        made += sql.SQL(" AUTHORIZATION {}").format(sql.Identifier(owner))
    connection.execute(made)
    connection.execute(sql.SQL("COMMENT ON SCHEMA {} IS {}").format(sql.Identifier(schema), comment))


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
        names, aside = {schema: moved_aside.name_for(schema) for schema in schemas}, moved_aside.left_over(connection)
        moved = {schema: name for schema, name in names.items() if name in aside}
        granted = sum(grants.carry_over(connection, schema, name) for schema, name in moved.items())
        owners.carry(connection, connection, schemas, aside=moved)
        # Somebody may have come to depend on the old data while the new was loaded.
        dependents.refuse(connection, aside)
    with translated("while the receipt was written"):
        kept_until = kept.keep(connection, schemas, errand.keep_previous, errand.observer)
        receipt.write(connection, slip(), sum(loader.rows.values()), schemas, kept_until=kept_until)
        commits.refuse_ended(connection, xid)
        errand.guard.check_mark(connection)  # it may have been marked during the load
    return granted, kept_until, changed
