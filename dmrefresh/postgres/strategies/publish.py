"""publish: one entry for every strategy. The target is looked at, the head is judged, the strategy does the rest.

Steps that an observer is told about: begun, loaded, checked, committing, renamed (of databases alone), committed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Literal

from dmrefresh.dump.events import Event, head_of
from dmrefresh.dump.judging import course
from dmrefresh.dump.judging.after_load import Script
from dmrefresh.dump.text.limits import Limits
from dmrefresh.errors import Failure, RightsMissing, TargetUnfit
from dmrefresh.observer import Observer
from dmrefresh.postgres import receipt
from dmrefresh.postgres.errand import DumpOthers, Errand
from dmrefresh.postgres.failures import translated
from dmrefresh.postgres.guard import Guard
from dmrefresh.postgres.loading import compression
from dmrefresh.postgres.loading.compression import Compression
from dmrefresh.postgres.newer import blaming
from dmrefresh.postgres.reach import connect
from dmrefresh.postgres.strategies import by_database, by_schema, by_scratch, fitness
from dmrefresh.postgres.strategies.strategy import Published, Strategy
from dmrefresh.stopwatch import Stopwatch

__all__ = ["Published", "StrategyName", "choose", "publish", "refusals"]

StrategyName = Literal["schema", "database", "scratch", "auto"]
_SCHEMA: Strategy = by_schema
_DATABASE: Strategy = by_database
_SCRATCH: Strategy = by_scratch
_STRATEGIES = {"schema": _SCHEMA, "database": _DATABASE, "scratch": _SCRATCH}


def publish(
    events: Iterable[Event],
    url: str,
    slip: Callable[[], receipt.Receipt],
    *,
    run: str = "",
    strategy: StrategyName = "schema",
    maintenance: str = "postgres",
    allow_superuser: bool = False,
    guard: Guard | None = None,
    keep_previous: timedelta | None = None,
    script: Script | None = None,
    connections: int = 2,
    toast_compression: Compression | None = None,
    dump_others: DumpOthers | None = None,
    limits: Limits | None = None,
    observer: Observer | None = None,
    stopwatch: Stopwatch | None = None,
) -> Published:
    """Load the events into the target and make them visible at once.

    Args:
        events: a whole dump: Head first, End last. Reading begins once the target has been looked at.
        url: the target's connection URL.
        slip: asked, before the commit, what the receipt is to say.
        run: the run's identifier, shown in pg_stat_activity.
        strategy: how the new data takes the place of the old; `auto` takes `schema` where nothing forbids it.
        maintenance: another database of the server, from which `database` renames the target.
        allow_superuser: let a superuser publish.
        guard: refuses production; without one, a database that is marked as production.
        keep_previous: how long the data of before is kept for a rollback; None for not at all.
        script: what is run and checked once the rows are loaded.
        connections: how many sessions load at once, with `database`; 1 and more.
        toast_compression: how the server compresses long values of what is loaded; None for as it does by default.
        dump_others: with `database`, dumps what other schemas of the target hold; without it, that refuses.
        limits: how much of such a dump may be held in memory.
        observer: is told about steps and rows.
        stopwatch: is charged the seconds of `publish` (`load` where it is a scratch database), `checks` and `commit`.

    Raises:
        Failure: of any kind; unless it is CommitInDoubt, nothing was published.
    """
    observer = observer or Observer()
    stopwatch = stopwatch or Stopwatch()
    with connect.session(url, f"dmrefresh {run}".strip()) as connection:
        guard = guard or Guard()
        guard.check(connection)
        connect.refuse_superuser(connection, allowed=allow_superuser)
        connect.refuse_standby(connection)
        stream = iter(events)
        head = head_of(stream)
        guard.check_source(connection, head, observer)
        with translated("while the target was looked at"):
            newer = fitness.refuse_newer(connection, head, observer)
        fitness.refuse_unconverted(connection, head)
        with blaming(newer):
            course.check_head(head)
        fitness.refuse_receipts(head)
        errand = Errand(
            connection=connection,
            url=url,
            head=head,
            run=run,
            maintenance=maintenance,
            observer=observer,
            stopwatch=stopwatch,
            keep_previous=keep_previous,
            guard=guard,
            script=script or Script(),
            connections=connections,
            toast_compression=toast_compression,
            dump_others=dump_others,
            limits=limits or Limits(),
        )
        with translated("while the target was looked at"):
            compression.refuse(errand)
            chosen = _STRATEGIES[choose(errand, strategy)]
            chosen.make_room(errand)
            for check in chosen.CHECKS:
                check(errand)
            if strategy != "scratch":
                fitness.say_what_goes(errand)
        return chosen.publish(errand, stream, slip, newer)


def choose(errand: Errand, wanted: StrategyName) -> Literal["schema", "database", "scratch"]:
    """Which strategy it is; with `auto` the target is looked at, and the observer told why.

    Raises:
        TargetUnfit: neither can publish to this target; the hint is what would let one of them.
        RightsMissing: neither can, and rights are all that is missing.
    """
    if wanted != "auto":
        return wanted
    against_schema = refusals(errand, "schema")
    if not against_schema:
        return "schema"
    against_database = refusals(errand, "database")
    if not against_database:
        errand.observer.note(f"publishing by `database`, since by `schema`: {against_schema[0].what}")
        return "database"
    raise _neither(against_schema, against_database)


def refusals(errand: Errand, strategy: Literal["schema", "database"]) -> list[Failure]:
    """All that keeps a strategy from publishing; nothing is changed.

    Raises:
        psycopg.Error: the server refuses to answer.
    """
    found = []
    for check in _STRATEGIES[strategy].CHECKS:
        try:
            check(errand)
        except Failure as failure:
            found.append(failure)
    return found


def _neither(schema: list[Failure], database: list[Failure]) -> Failure:
    """A failure that says why neither can, and the one thing that would do: of the strategy that lacks the least."""
    least = min(len(schema), len(database))
    ways = [found[0].hint for found in (schema, database) if len(found) == least == 1 and found[0].hint]
    kind = RightsMissing if all(isinstance(one, RightsMissing) for one in schema + database) else TargetUnfit
    return kind(
        f"Neither strategy can publish to this target. By `schema`: {schema[0].what} By `database`: "
        + " ".join(one.what for one in database),
        hint="; or ".join(ways) or schema[0].hint,
    )
