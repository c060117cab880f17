"""What the strategies of publishing have in common: how they are called, what they leave, and what each does alike."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import psycopg

from dmrefresh.dump.events import Event
from dmrefresh.postgres import Connection
from dmrefresh.postgres.errand import Check, Errand
from dmrefresh.postgres.failures import translated
from dmrefresh.postgres.loading import after_load, checks, reverse_keys
from dmrefresh.postgres.loading.load import Loader
from dmrefresh.postgres.newer import Newer
from dmrefresh.postgres.receipt import Receipt


@dataclass(frozen=True, slots=True)
class Disconnected:
    """What the target's sessions noticed: for how long none was let in, and how many were ended."""

    seconds: float
    sessions: int


@dataclass(frozen=True, slots=True)
class Published:
    """What a refresh left on the target.

    Attributes:
        rows: rows published.
        tables: rows of each table, by name.
        left_out: how many statements of each kind were not executed, by policy.
        carried_types: types that kept their identity.
        changed_types: types that differ from before; sessions that use them in prepared statements
            must reconnect.
        grants: how many grants were carried over.
        still_there: previous data that could not be dropped yet.
        kept_until: when the previous data expires, where it is kept for a rollback.
        strategy: how the new data took the place of the old, `schema` or `database`.
        disconnected: with `database`, what the target's sessions noticed.
        after_load: the place of each statement after the load, and how many rows it was about; `rows` and `tables`
            count what was loaded before them.
        stored: names of objects, where the rows went to a bucket.
    """

    rows: int
    tables: dict[str, int]
    left_out: Counter[str] = field(default_factory=Counter)
    carried_types: list[str] = field(default_factory=list)
    changed_types: list[str] = field(default_factory=list)
    grants: int = 0
    still_there: list[str] = field(default_factory=list)
    kept_until: datetime | None = None
    strategy: str = "schema"
    disconnected: Disconnected | None = None
    after_load: list[tuple[str, int]] = field(default_factory=list)
    stored: tuple[str, ...] = ()


class Strategy(Protocol):
    """A module that publishes."""

    @property
    def CHECKS(self) -> Sequence[Check]:  # noqa: N802
        """What must hold before anything is begun; the first that does not is what the user is told."""

    def make_room(self, errand: Errand) -> None:
        """Clear away what earlier runs left, as far as that is possible.

        Raises:
            Failure: something is in the way of this run.
        """

    def publish(
        self, errand: Errand, stream: Iterator[Event], slip: Callable[[], Receipt], newer: Newer | None
    ) -> Published:
        """Load what follows the Head, and make it visible at once.

        Args:
            errand: where to and what.
            stream: the events behind the Head.
            slip: asked, before the commit, what the receipt is to say.
            newer: both versions, where the dump is of a newer one than the target.

        Raises:
            Failure: of any kind; unless it is CommitInDoubt, nothing was published.
        """


@contextlib.contextmanager
def transaction(connection: Connection) -> Iterator[None]:
    """Roll back on any exception, a signal's included; a lost connection has rolled back by itself."""
    try:
        yield
    except BaseException:
        with contextlib.suppress(psycopg.Error):
            if not connection.broken:
                connection.execute("ROLLBACK")
        raise


def check_loaded(
    connection: Connection, errand: Errand, loader: Loader, beside: Sequence[Connection] = (), *, analyse: bool = True
) -> list[int]:
    """Run what the ruleset has run after the load, then see that all holds that must, whatever the strategy.

    Args:
        connection: the session that sees what was loaded.
        errand: what is published.
        loader: what has loaded it.
        beside: other sessions that see it, where it was committed.
        analyse: whether somebody will ask queries of it.

    Returns:
        how many rows each statement of the ruleset was about.

    Raises:
        ChecksFailed: it does not, or a statement of the ruleset failed.
    """
    with reverse_keys.indexed(connection, errand.script, errand.schemas):
        changed = after_load.run(connection, errand.script, errand.schemas, errand.observer)
        if changed:
            loader.refresh_again(connection)
        with translated("while what was loaded was checked"):
            checks.constraints(connection)
    with translated("while what was loaded was checked"):
        checks.sequences(connection, errand.schemas)
    after_load.check(connection, errand.script, errand.schemas)
    if not analyse:
        return changed
    with translated("while what was loaded was checked"):
        # What the ruleset's statements have changed, no other session sees yet.
        checks.analyse(connection, errand.schemas, () if errand.script else beside)
    return changed


def published(loader: Loader, errand: Errand, changed: Sequence[int]) -> Published:
    """What a loader did, and each statement after it; the strategy replaces what it knows besides."""
    return Published(
        rows=sum(loader.rows.values()),
        tables={str(table): count for table, count in loader.rows.items()},
        left_out=loader.left_out,
        carried_types=loader.carried,
        changed_types=loader.changed,
        after_load=[(step.where, count) for step, count in zip(errand.script.steps, changed, strict=True)],
    )
