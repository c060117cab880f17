"""publish: the schema swap. Everything between BEGIN and COMMIT, in one transaction of the target.

    BEGIN · lock · public is moved aside · a new public is made · the whole dump is loaded ·
    grants · checks · receipt · COMMIT · the previous data is dropped

Whoever reads meanwhile sees the old data until the commit and the new data after it, over the same
connection. Whatever goes wrong before the commit rolls back: the target keeps its very relations.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import psycopg

from dmrefresh import signals
from dmrefresh.dump import deciding, policy
from dmrefresh.dump.encodings import HINT, codec_of
from dmrefresh.dump.events import Event, Head
from dmrefresh.dump.settings import setting_of
from dmrefresh.errors import ChecksFailed, DumpDamaged, DumpRefused, Failure, TargetUnfit
from dmrefresh.observer import Observer, Stopwatch
from dmrefresh.postgres import (
    Connection,
    checks,
    connect,
    dependents,
    grants,
    lock,
    previous,
    receipt,
)
from dmrefresh.postgres import commit as commits
from dmrefresh.postgres.failures import Newer, blaming, translated
from dmrefresh.postgres.load import Loader


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
    """

    rows: int
    tables: dict[str, int]
    left_out: Counter[str] = field(default_factory=Counter)
    carried_types: list[str] = field(default_factory=list)
    changed_types: list[str] = field(default_factory=list)
    grants: int = 0
    still_there: list[str] = field(default_factory=list)


def publish(
    events: Iterable[Event],
    url: str,
    slip: Callable[[], receipt.Receipt],
    *,
    run: str = "",
    allow_superuser: bool = False,
    observer: Observer | None = None,
    stopwatch: Stopwatch | None = None,
) -> Published:
    """Load the events into the target and make them visible at once.

    Args:
        events: a whole dump: Head first, End last. Reading begins once the target has been looked at.
        url: the target's connection URL.
        slip: asked, before the commit, what the receipt is to say.
        run: the run's identifier, shown in pg_stat_activity.
        allow_superuser: let a superuser publish.
        observer: is told about steps and rows.
        stopwatch: is charged the seconds of `publish`, `checks` and `commit`.

    Raises:
        Failure: of any kind; unless it is CommitInDoubt, nothing was published.
    """
    observer = observer or Observer()
    stopwatch = stopwatch or Stopwatch()
    with connect.session(url, f"dmrefresh {run}".strip()) as connection:
        connect.refuse_remote(connection)
        connect.refuse_superuser(connection, allowed=allow_superuser)
        connect.refuse_standby(connection)
        stream = iter(events)
        head = _head(stream)
        schemas = head.schema.schemas
        with translated("while the target was looked at"):
            newer = _refuse_newer(connection, head, observer)
        _refuse_unconverted(connection, head)
        with blaming(newer):
            deciding.check_head(head)
        if receipt.SCHEMA in schemas:
            raise DumpRefused(
                f"The dump brings a schema {receipt.SCHEMA}, where the target keeps its receipts.",
                hint=f"make the dump with pg_dump --exclude-schema={receipt.SCHEMA}",
            )
        with translated("while the target was looked at"):
            previous.drop(connection)
            previous.refuse_strangers(connection, schemas)
            dependents.refuse(connection, schemas)
            grants.refuse_foreign_owners(connection, schemas)
            _refuse_too_many(connection, head)
            _say_what_goes(connection, head, observer)
        loader = Loader(connection, head, observer)
        with _transaction(connection):
            xid, loader.made_schemas = _begin(connection, schemas)
            observer.step("begun")
            with stopwatch.measure("publish"), blaming(newer):
                loader.load(stream)
            observer.step("loaded")
            with stopwatch.measure("checks"):
                granted = _finish(connection, loader, slip, xid)
            observer.step("checked")
            # From here on the outcome is the server's: no signal may hide it.
            with signals.held_from_here(), stopwatch.measure("commit"):
                observer.step("committing")
                commits.commit(connection, url, xid)
        observer.step("committed")
    # On a connection of its own: the one that published may have been lost in the moment it did.
    still_there = _drop_previous(url, observer)
    return Published(
        rows=sum(loader.rows.values()),
        tables={str(table): count for table, count in loader.rows.items()},
        left_out=loader.left_out,
        carried_types=loader.carried,
        changed_types=loader.changed,
        grants=granted,
        still_there=still_there,
    )


def _head(stream: Iterator[Event]) -> Head:
    head = next(stream, None)
    if not isinstance(head, Head):
        raise DumpDamaged("The dump holds nothing.")
    return head


@contextlib.contextmanager
def _transaction(connection: Connection) -> Iterator[None]:
    """Roll back on any exception, a signal's included; a lost connection has rolled back by itself."""
    try:
        yield
    except BaseException:
        with contextlib.suppress(psycopg.Error):
            if not connection.broken:
                connection.execute("ROLLBACK")
        raise


def _begin(connection: Connection, schemas: tuple[str, ...]) -> tuple[str, set[str]]:
    """Open the transaction, take the lock, and make those schemas anew that the target has.

    Returns:
        the transaction's number, and the schemas that were made.
    """
    with translated("before the load"):
        connection.execute("BEGIN")
        lock.take(connection)
        xid = commits.transaction_id(connection)
        # Asked again under the lock: what was found before may have changed.
        dependents.refuse(connection, schemas)
        existing = connection.execute(
            "SELECT nspname FROM pg_catalog.pg_namespace WHERE nspname = ANY (%s)", (list(schemas),)
        ).fetchall()
        for (schema,) in existing:
            aside, comment = previous.name_for(schema), previous.move_aside(connection, schema)
            grants.make_schema(connection, schema, aside, comment)
            grants.carry_defaults(connection, schema, aside)
        return xid, {schema for (schema,) in existing}


def _finish(connection: Connection, loader: Loader, slip: Callable[[], receipt.Receipt], xid: str) -> int:
    """Everything between the last row and the commit; returns the number of grants carried over."""
    schemas = loader.head.schema.schemas
    with translated("while what was loaded was checked"):
        checks.constraints(connection)
        checks.sequences(connection, schemas)
        checks.analyse(connection, schemas)
    with translated("while rights were carried over"):
        loader.execute_held_back()
        granted = sum(
            grants.carry_over(connection, schema, aside)
            for schema in schemas
            if (aside := previous.name_for(schema)) in previous.left_over(connection)
        )
        # Somebody may have come to depend on the old data while the new was loaded.
        dependents.refuse(connection, [previous.name_for(schema) for schema in schemas])
    with translated("while the receipt was written"):
        receipt.write(connection, slip(), sum(loader.rows.values()))
        if commits.transaction_id(connection) != xid:
            raise ChecksFailed("The dump ended the publishing transaction.", state="Look at the target by hand.")
    return granted


def _refuse_newer(connection: Connection, head: Head, observer: Observer) -> Newer | None:
    """A dump of a newer version goes on, and not without a word, if the target can take all its settings.

    Those which the policy leaves out need not be known. Nothing has been done on the target yet.

    Returns:
        both versions, where the server dumped or the pg_dump that wrote is newer than the target.
    """
    ours = (connection.info.parameter_status("server_version") or "").split(" ")[0]
    newer = Newer.of(head, ours)
    if newer is None:
        return None
    known = {name for (name,) in connection.execute("SELECT name FROM pg_catalog.pg_settings").fetchall()}
    for statement in head.statements:
        if statement.kind == "SET":
            action = deciding.decide(statement).action
            name, _ = setting_of(statement.sql) or ("of an unknown form", "")
            if action is policy.Action.REFUSE or (action is policy.Action.EXECUTE and name not in known):
                raise DumpRefused(f"{newer} The dump needs a setting {name} at {statement.place}.", hint=newer.hint)
    if newer.server:
        observer.warn(f"{newer} What only the newer version knows would stop the refresh.")
    return newer


def _refuse_unconverted(connection: Connection, head: Head) -> None:
    """A database in SQL_ASCII stores all bytes as they come: those of the dump beside ours, which are UTF-8."""
    if connection.info.parameter_status("server_encoding") == "SQL_ASCII" and codec_of(head.encoding) != "utf-8":
        raise TargetUnfit(
            f"The target is a database in SQL_ASCII, which would store the dump's {head.encoding} unconverted.",
            hint=HINT,
        )


def _say_what_goes(connection: Connection, head: Head, observer: Observer) -> None:
    """What is in the target and not in the dump goes with the previous data, and not without a word."""
    made = {f"{s.target.schema}.{s.target.name}" for s in head.statements if s.target and s.kind.startswith("CREATE ")}
    going = previous.only_here(connection, head.schema.schemas, made)
    if going:
        named = ", ".join(going[:10]) + (f" and {len(going) - 10} more" if len(going) > 10 else "")
        observer.warn(f"in the target and not in the dump, so gone after the refresh: {named}")


def _refuse_too_many(connection: Connection, head: Head) -> None:
    """Each relation made holds a lock until the commit; a full lock table fails *other* sessions.

    Counted with three a table (itself, its TOAST table with index, its key) and one each for the rest.
    The table has room for max_locks_per_transaction × (max_connections + max_prepared_transactions).
    """
    weights = Counter(statement.kind for statement in head.statements)
    others = sum(n for kind, n in weights.items() if kind.startswith("CREATE ")) - weights["CREATE TABLE"]
    needed = 3 * weights["CREATE TABLE"] + max(others, 0)
    row = connection.execute(
        "SELECT pg_catalog.current_setting('max_locks_per_transaction')::bigint * "
        "(pg_catalog.current_setting('max_connections')::bigint "
        "+ pg_catalog.current_setting('max_prepared_transactions')::bigint)"
    ).fetchone()
    assert row is not None
    if needed > row[0] // 2:
        raise TargetUnfit(
            f"Publishing needs about {needed} locks at once; the target has room for {row[0]}, of which half is left "
            "to other sessions.",
            hint="raise max_locks_per_transaction on the target",
        )


def _drop_previous(url: str, observer: Observer) -> list[str]:
    """Drop the previous data; whatever prevents it is left to the next run, since the refresh is done."""
    try:
        with (
            connect.session(url, "dmrefresh") as connection,
            translated("while the previous data was dropped"),
        ):
            remaining = previous.drop(connection)
    except Failure:
        remaining = ["the previous data"]
    if remaining:
        observer.warn(f"{', '.join(remaining)} could not be dropped yet; the next run will try again.")
    return remaining
