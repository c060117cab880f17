"""What was published before, kept for a rollback: only what is known to be ours, and one generation of it.

Data without a receipt may be raw or badly cleaned; it is dropped as ever. So is data that a receipt speaks of
but that somebody has replaced since: the receipt notes which schemas and tables it is about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from dmrefresh.errors import TargetUnfit
from dmrefresh.observer import Observer
from dmrefresh.postgres import Connection, moved_aside, receipt

_TYPES = """
SELECT t.oid::bigint FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
WHERE t.oid::bigint = ANY (%s) AND n.nspname = ANY (%s)
"""


@dataclass(frozen=True, slots=True)
class Generation:
    """What can be put back.

    Attributes:
        entry: the receipt it carries.
        marks: its schemas, by the names they have now.
        until: when it expires.
    """

    entry: receipt.Entry
    marks: dict[str, moved_aside.Mark]
    until: datetime

    @property
    def schemas(self) -> list[str]:
        """Its schemas by the names they had."""
        return [mark.schema for mark in self.marks.values()]


def keep(
    connection: Connection, schemas: Sequence[str], length: timedelta | None, observer: Observer
) -> datetime | None:
    """Mark what the swap has moved aside as kept, if it carries a receipt.

    Args:
        connection: the publishing transaction, with the new data loaded and its receipt not yet written.
        schemas: those that the dump brings.
        length: how long to keep it; None for not at all.
        observer: is told why it is not kept.

    Returns:
        when it expires, or None where it is dropped.

    Raises:
        psycopg.Error: the server refuses.
    """
    if length is None:
        return None
    marked = moved_aside.marked(connection)
    names = [name for schema in schemas if (name := moved_aside.name_for(schema)) in marked]
    found = {name: moved_aside.Mark.read(marked[name]) for name in names}
    marks = {aside: mark for aside, mark in found.items() if mark is not None}
    entry = receipt.latest(connection)
    reason = _why_not(connection, entry, marks)
    if reason is not None or entry is None:
        observer.warn(f"the previous data is not kept for a rollback: {reason}")
        return None
    until = datetime.now(UTC).replace(microsecond=0) + length
    for aside, mark in marks.items():
        replace(mark, run=entry.run, until=until.isoformat()).write(connection, aside)
    return until


def _why_not(connection: Connection, entry: receipt.Entry | None, marks: Mapping[str, moved_aside.Mark]) -> str | None:
    """What stands against keeping these schemas, as the end of a sentence."""
    if entry is None or not marks:
        return "it carries no receipt, so nobody knows whether it was sanitised"
    if entry.contents is None:
        return "its receipt is of an earlier version and does not say which tables it is about"
    now = receipt.contents(connection, list(marks))
    for aside, mark in marks.items():
        if receipt.differs(entry.contents.get(mark.schema), now.get(aside)):
            return f"{mark.schema} is not what was published last; somebody has replaced it, or tables in it"
        if entry.contents[mark.schema]["casts"]:
            return f"types in {mark.schema} have casts, which now belong to the new data"
    return None


def generation(connection: Connection) -> Generation:
    """What is kept on the target and has not expired.

    Raises:
        TargetUnfit: there is nothing to go back to.
    """
    marks = moved_aside.kept_marks(connection)
    if not marks:
        raise TargetUnfit(
            "No previous data is kept on this target: there is nothing to go back to.",
            hint='write keep_previous = "7 days" into its settings, for the refreshes to come',
        )
    until = min(mark.expires for mark in marks.values() if mark.expires is not None)
    if until <= datetime.now(UTC):
        raise TargetUnfit(
            f"The previous data was kept until {until:%Y-%m-%d %H:%M} UTC and has expired; the next refresh drops it.",
            hint="refresh the target instead",
        )
    run = next(iter(marks.values())).run
    entry = receipt.latest(connection, run) if run else None
    if entry is None or _is_broken(connection, marks):
        raise TargetUnfit(
            "The previous data on this target is no longer what was kept: it is a copy, or somebody changed it.",
            hint="refresh the target instead",
        )
    return Generation(entry, marks, until)


def _is_broken(connection: Connection, marks: Mapping[str, moved_aside.Mark]) -> bool:
    """Whether its schemas are others than those marked, or types that it needs are gone.

    A type that was carried over and then dropped with everything that hung on it has taken columns along.
    """
    now = receipt.contents(connection, list(marks))
    if any(aside not in now or now[aside]["oid"] != mark.oid for aside, mark in marks.items()):
        return True
    if len({(mark.run, mark.until) for mark in marks.values()}) > 1:
        return True
    wanted = [oid for mark in marks.values() for oid in mark.types]
    places = [*marks, *(mark.schema for mark in marks.values())]
    return len(connection.execute(_TYPES, (wanted, places)).fetchall()) < len(set(wanted))
