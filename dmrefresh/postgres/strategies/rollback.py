"""rollback: the kept data takes its place again, in one transaction, as a refresh took it.

    BEGIN · lock · what is current is moved aside, what is kept gets its own name back ·
    types that were carried over go back with it · receipt · COMMIT · what was current is dropped

Rights, owners and default privileges belong to the objects and come back with them. Whoever reads meanwhile
sees the one or the other, over the same connection.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace

from psycopg import sql

from dmrefresh.dump.events import Name
from dmrefresh.errors import Busy, TargetUnfit
from dmrefresh.lists import listed, listed_apart
from dmrefresh.machine import signals
from dmrefresh.observer import Observer
from dmrefresh.postgres import Connection, lock, moved_aside, receipt
from dmrefresh.postgres.carrying import dependents, grants
from dmrefresh.postgres.failures import translated
from dmrefresh.postgres.guard import Guard
from dmrefresh.postgres.loading import commit as commits
from dmrefresh.postgres.reach import connect
from dmrefresh.postgres.strategies import dropping, kept
from dmrefresh.postgres.strategies.strategy import transaction

_CARRIED = """
SELECT t.typname, t.typtype = 'd' FROM pg_catalog.pg_type t
JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
WHERE n.nspname = %s AND t.oid::bigint = ANY (%s) ORDER BY 1
"""

_CHANGED = """
SELECT a.typname FROM pg_catalog.pg_type a JOIN pg_catalog.pg_type b USING (typname)
LEFT JOIN pg_catalog.pg_class c ON c.oid = a.typrelid
WHERE a.typnamespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = %s)
  AND b.typnamespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = %s)
  AND (a.typtype IN ('e', 'd') OR c.relkind = 'c') ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class RolledBack:
    """What a rollback left on the target.

    Attributes:
        entry: the receipt of the data that is back.
        types: how many types went back with it.
        still_there: what was current and could not be dropped yet.
    """

    entry: receipt.Entry
    types: int
    still_there: list[str] = field(default_factory=list)


def rollback(
    url: str,
    slip: receipt.Receipt,
    *,
    guard: Guard | None = None,
    allow_superuser: bool = False,
    observer: Observer | None = None,
) -> RolledBack:
    """Put the kept data back.

    Args:
        url: the target's connection URL.
        slip: what the receipt is to say; dump and ruleset are those of the data that comes back.
        guard: refuses production; without one, a database that is marked as production.
        allow_superuser: let a superuser do it.
        observer: is told about steps, named as those of publishing.

    Raises:
        TargetUnfit: nothing is kept, it has expired, or something outside depends on either side.
        Failure: of any kind; unless it is CommitInDoubt, nothing was changed.
    """
    observer = observer or Observer()
    with connect.session(url, f"dmrefresh {slip.run}") as connection:
        guard = guard or Guard()
        guard.check(connection)
        connect.refuse_superuser(connection, allowed=allow_superuser)
        connect.refuse_standby(connection)
        with translated("while the target was looked at"):
            with connection.transaction():
                # What another run is changing looks like nothing kept, or broken: that must be said as it is.
                lock.take(connection)
                back, going = _found(connection)
            dropping.drop(connection)  # what an earlier run could not drop would be in the way
            moved_aside.refuse_strangers(connection, set(going) - set(back.schemas))
            grants.refuse_foreign_owners(connection, going)
            _say_what_goes(connection, back, going, observer)
        with transaction(connection):
            with translated("while the data changed places"):
                connection.execute("BEGIN")
                lock.take(connection)
                xid = commits.transaction_id(connection)
                observer.step("begun")
                # Asked again under the lock: what was looked at, and told of, may have changed.
                if _found(connection) != (back, going):
                    raise Busy("The target was changed by somebody else just now.", hint="look at it, and run it again")
                dependents.refuse(connection, [*going, *back.marks])
                changed = _changed(connection, back)
                types = _change_places(connection, back, going)
                _refuse_entangled(connection)
            with translated("while the receipt was written"):
                theirs = replace(slip, dump=back.entry.dump, ruleset=back.entry.ruleset)
                receipt.write(connection, theirs, back.entry.rows, back.schemas, restored=back.entry.run)
                guard.check_mark(connection)  # it may have been marked meanwhile
            observer.step("checked")
            # From here on the outcome is the server's: no signal may hide it.
            with signals.held_from_here():
                observer.step("committing")
                commits.commit(connection, url, xid)
        observer.step("committed")
    if changed:
        observer.warn(
            "these types differ from before; sessions that prepared statements with them reconnect: "
            + ", ".join(changed)
        )
    return RolledBack(back.entry, types, dropping.drop_after(url, observer))


def _found(connection: Connection) -> tuple[kept.Generation, list[str]]:
    """What can be put back, and the schemas that go for it."""
    back = kept.generation(connection)
    return back, _current(connection, back)


def _changed(connection: Connection, back: kept.Generation) -> list[str]:
    """The types that the kept data has of its own, though what is current has one of the same name."""
    return [
        str(Name(mark.schema, name))
        for aside, mark in back.marks.items()
        for (name,) in connection.execute(_CHANGED, (aside, mark.schema)).fetchall()
    ]


def _current(connection: Connection, back: kept.Generation) -> list[str]:
    """The schemas that go: those in whose place the kept ones were, and what else the last refresh brought."""
    entry = receipt.latest(connection)
    published = (entry.contents if entry else None) or {}
    now = receipt.contents(connection, [*back.schemas, *published])
    ours = [name for name, one in published.items() if name in now and now[name]["oid"] == one["oid"]]
    return sorted({*(name for name in back.schemas if name in now), *ours})


def _say_what_goes(connection: Connection, back: kept.Generation, going: list[str], observer: Observer) -> None:
    held = receipt.contents(connection, list(back.marks))
    there = [f"{mark.schema}.{table}" for aside, mark in back.marks.items() for table in held[aside]["tables"]]
    lost = dropping.only_here(connection, going, there, relations="rpmf")
    if lost:
        observer.warn(f"not in the kept data, so gone after the rollback: {listed(lost)}")


def _change_places(connection: Connection, back: kept.Generation, going: list[str]) -> int:
    """Move what is current aside and the kept schemas to their own names; returns how many types went with them."""
    on_the_way = {aside: f"dmrefresh_{secrets.token_hex(8)}" for aside in back.marks}
    for aside, name in on_the_way.items():
        _rename(connection, aside, name)
    for schema in going:
        moved_aside.move_aside(connection, schema)
    types = 0
    for aside, mark in back.marks.items():
        _rename(connection, on_the_way[aside], mark.schema)
        connection.execute(
            sql.SQL("COMMENT ON SCHEMA {} IS {}").format(sql.Identifier(mark.schema), sql.Literal(mark.comment))
        )
        for name, is_domain in connection.execute(_CARRIED, (aside, mark.types)).fetchall():
            connection.execute(
                sql.SQL("ALTER {} {} SET SCHEMA {}").format(
                    sql.SQL("DOMAIN" if is_domain else "TYPE"),
                    sql.Identifier(aside, name),
                    sql.Identifier(mark.schema),
                )
            )
            types += 1
    return types


def _rename(connection: Connection, old: str, new: str) -> None:
    connection.execute(sql.SQL("ALTER SCHEMA {} RENAME TO {}").format(sql.Identifier(old), sql.Identifier(new)))


def _refuse_entangled(connection: Connection) -> None:
    """Raises TargetUnfit where what is back leans on what is about to be dropped."""
    found = dependents.outside(connection, moved_aside.left_over(connection))
    if found:
        raise TargetUnfit(
            f"The kept data depends on what is current now: {listed_apart(found)}.",
            hint="undo that dependence, or refresh the target instead",
        )
