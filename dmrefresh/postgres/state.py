"""What a target tells about itself, to any role that may read its receipts; nothing is changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from dmrefresh.errors import RightsMissing
from dmrefresh.postgres import lock, moved_aside, receipt
from dmrefresh.postgres.failures import translated
from dmrefresh.postgres.reach import connect


@dataclass(frozen=True, slots=True)
class State:
    """A target at one moment.

    Attributes:
        entry: the receipt of what was published last; None where there is none.
        as_published: whether the tables are still those of the receipt; None where it does not say.
        kept_until: when the kept previous data expires, or has expired; None where none is there.
        kept: whether it can be put back now.
        holder: who is writing at the moment, if anybody is.
    """

    entry: receipt.Entry | None
    as_published: bool | None
    kept_until: datetime | None
    kept: bool
    holder: lock.Holder | None


def state_of(url: str) -> State:
    """Ask, in one read-only transaction.

    Raises:
        TargetUnreachable: the server does not answer.
        RightsMissing: the role may not read the receipts.
    """
    with connect.session(url, "dmrefresh status") as connection:
        try:
            with translated("while the target was looked at"), connection.transaction():
                connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
                connection.execute("SET LOCAL TimeZone = 'UTC'")
                holder = lock.holder(connection)
                entry = receipt.latest(connection)
                published = entry.contents if entry is not None else None
                now = receipt.contents(connection, list(published or ()))
                marks = moved_aside.kept_marks(connection).values()
                ends = [mark.expires for mark in marks if mark.expires is not None]
        except RightsMissing:
            raise RightsMissing(
                "The target's role may not read the receipts.",
                hint=f"GRANT USAGE ON SCHEMA {receipt.SCHEMA} and GRANT SELECT ON {receipt.SCHEMA}.receipts to it",
                state="Nothing was changed.",
            ) from None
    kept_until = min(ends, default=None)
    return State(
        entry=entry,
        as_published=None
        if published is None
        else not any(receipt.differs(one, now.get(name)) for name, one in published.items()),
        kept_until=kept_until,
        kept=kept_until is not None and kept_until > datetime.now(UTC),
        holder=holder,
    )
