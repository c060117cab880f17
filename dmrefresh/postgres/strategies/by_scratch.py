"""The strategy `scratch`: an empty database of our own is filled, in one transaction; nobody else sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from dmrefresh.dump.events import Event
from dmrefresh.postgres.errand import Check, Errand
from dmrefresh.postgres.failures import translated
from dmrefresh.postgres.loading import brought_extensions
from dmrefresh.postgres.loading.load import Loader
from dmrefresh.postgres.newer import Newer, blaming
from dmrefresh.postgres.receipt import Receipt
from dmrefresh.postgres.strategies import fitness
from dmrefresh.postgres.strategies.strategy import Published, check_loaded, published, transaction

CHECKS: tuple[Check, ...] = (fitness.refuse_too_many, brought_extensions.refuse_absent)


def make_room(errand: Errand) -> None:
    """There is nothing in it."""


def publish(errand: Errand, stream: Iterator[Event], slip: Callable[[], Receipt], newer: Newer | None) -> Published:
    """Fill the database; see `strategy.Strategy`. No receipt is written: the rows go on to somewhere else."""
    connection, observer = errand.connection, errand.observer
    loader = Loader(connection, errand.head, observer, extensions_inside=True)
    with transaction(connection):
        with translated("before the load"):
            connection.execute("BEGIN")
            loader.made_schemas = {"public"}
        with errand.stopwatch.measure("load"), blaming(newer):
            loader.load(stream)
        with errand.stopwatch.measure("checks"):
            changed = check_loaded(connection, errand, loader, analyse=False)
            with translated("while the scratch database was finished"):
                loader.execute_held_back()
                connection.execute("COMMIT")
    return replace(published(loader, errand, changed), strategy="scratch")
