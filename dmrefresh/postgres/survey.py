"""What a refresh would meet on a target: every refusal, not only the first; nothing is changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from dmrefresh.dump.events import Head
from dmrefresh.dump.judging import course, deciding
from dmrefresh.errors import DumpRefused, Failure
from dmrefresh.observer import Observer
from dmrefresh.postgres import Connection, lock
from dmrefresh.postgres.carrying import strangers
from dmrefresh.postgres.errand import DumpOthers, Errand
from dmrefresh.postgres.failures import translated
from dmrefresh.postgres.loading import compression
from dmrefresh.postgres.reach import connect
from dmrefresh.postgres.reach.session_facts import version
from dmrefresh.postgres.strategies import fitness
from dmrefresh.postgres.strategies.publish import StrategyName, refusals
from dmrefresh.settings.targets import Target
from dmrefresh.stopwatch import Stopwatch

_NAMES: tuple[Literal["schema", "database"], ...] = ("schema", "database")

_SIZE = """
SELECT coalesce(sum(pg_catalog.pg_total_relation_size(c.oid)), 0)::bigint
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY (%s) AND c.relkind IN ('r', 'm')
"""
_SESSIONS = """
SELECT count(*) FROM pg_catalog.pg_stat_activity
WHERE datname = pg_catalog.current_database() AND pid <> pg_catalog.pg_backend_pid() AND usesysid IS NOT NULL
"""


@dataclass(slots=True)
class Survey:
    """What was found.

    Attributes:
        role: whom the target's url logs in as.
        version: the target server's.
        refused: what stands against any strategy.
        by_strategy: what stands against each of them.
        strategy: the one that would be taken; None where none can.
        why: why not `schema`, where `auto` takes `database`.
        bytes: what the schemas to be replaced take on the disk now, with indexes; about what the new data will.
        locks, room: how many locks the load holds at its end, and how many the server has room for.
        goes: tables and views that only the target has.
        sessions: sessions on the target now.
        carried: schemas that the dump has nothing of, and `database` carries over.
        under_way: since when another refresh is at it, if one is, as the end of a sentence.
    """

    role: str
    version: str
    refused: list[Failure] = field(default_factory=list)
    by_strategy: dict[str, list[Failure]] = field(default_factory=dict)
    strategy: str | None = None
    why: str | None = None
    bytes: int = 0
    locks: int = 0
    room: int = 0
    goes: list[str] = field(default_factory=list)
    sessions: int = 0
    carried: list[str] = field(default_factory=list)
    under_way: str | None = None


def errand_for_a_look(
    connection: Connection,
    url: str,
    head: Head,
    target: Target,
    dump_others: DumpOthers,
    *,
    who: str,
    observer: Observer | None = None,
) -> Errand:
    """What `survey` looks with: a publication that is not begun.

    Args:
        connection: a session on the target, in autocommit mode.
        url: the target's.
        head: of the dump that would be published.
        target: its settings.
        dump_others: as in `Errand`.
        who: looks.
        observer: is told what a run would warn of.
    """
    return Errand(
        connection=connection,
        url=url,
        head=head,
        run=who,
        maintenance=target.maintenance_database,
        observer=observer or Observer(),
        stopwatch=Stopwatch(),
        keep_previous=target.keep_previous,
        toast_compression=target.toast_compression,
        dump_others=dump_others,
    )


def survey(errand: Errand, wanted: StrategyName, guards: list[Callable[[], object]]) -> Survey:
    """Look at a target, in read-only transactions.

    Args:
        errand: what would be published where; its session is made read-only.
        wanted: the strategy of the settings.
        guards: what refuses the target itself.

    Raises:
        TargetUnreachable: the server does not answer.
    """
    connection, head = errand.connection, errand.head
    with translated("while the target was looked at"):
        connection.execute("SET default_transaction_read_only = on")
        found = Survey(connection.info.user, version(connection))
        found.refused = _collected(
            [
                *guards,
                lambda: connect.refuse_standby(connection),
                lambda: fitness.refuse_newer(connection, head, errand.observer),
                lambda: fitness.refuse_unconverted(connection, head),
                lambda: fitness.refuse_receipts(head),
                lambda: compression.refuse(errand),
            ]
        ) + _refused_by_the_head(head)
        tried = _NAMES if wanted == "auto" else (wanted,)
        found.by_strategy = {name: refusals(errand, name) for name in _NAMES if name in tried}
        found.strategy = next((name for name, failures in found.by_strategy.items() if not failures), None)
        if wanted == "auto" and found.strategy == "database":
            found.why = found.by_strategy["schema"][0].what
        found.goes = fitness.only_in_target(errand)
        found.locks, found.room = fitness.locks_needed(head), fitness.locks_there(connection)
        found.bytes = _number(errand, _SIZE, (list(errand.schemas),))
        found.sessions = _number(errand, _SESSIONS, ())
        if found.strategy == "database" and errand.dump_others is not None:
            found.locks += strangers.locks_needed(errand)
            found.carried = strangers.schemas(connection, errand.schemas)
        holder = lock.holder(connection)
        if holder is not None:
            began = holder.began
            found.under_way = f"{began:{lock.SHOWN}}" if began is not None else "a time that this role may not see"
    return found


def _collected(checks: list[Callable[[], object]]) -> list[Failure]:
    found = []
    for check in checks:
        try:
            check()
        except Failure as failure:
            found.append(failure)
    return found


def _refused_by_the_head(head: Head) -> list[Failure]:
    """One refusal for each kind of statement before the rows that is never executed, or else what there is."""
    found: dict[str, Failure] = {}
    for statement in head.statements:
        try:
            deciding.check(statement)
        except DumpRefused as refused:
            found.setdefault(statement.kind, refused)
    return list(found.values()) or _collected([lambda: course.check_head(head)])


def _number(errand: Errand, query: str, parameters: tuple[object, ...]) -> int:
    row = errand.connection.execute(query.encode(), parameters).fetchone()
    return 0 if row is None else int(row[0])
