"""What a target tells about itself, to any role that may read its receipts; nothing is changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dmrefresh.errors import RightsMissing, TargetUnfit
from dmrefresh.postgres import Connection, lock, moved_aside, receipt
from dmrefresh.postgres.failures import translated
from dmrefresh.postgres.quoting import quoted
from dmrefresh.postgres.reach import connect
from dmrefresh.postgres.strategies import kept


@dataclass(frozen=True, slots=True)
class State:
    """A target at one moment.

    Attributes:
        entry: the receipt of what was published last; None where there is none.
        as_published: whether the tables are still those of the receipt; None where it does not say.
        kept_until: when the kept previous data expires, or has expired; None where none is there.
        kept: whether it is what was kept, and has not expired: a rollback would find it.
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
                holder = lock.holder(connection)
                entry = receipt.latest(connection)
                published = entry.contents if entry is not None else None
                now = receipt.contents(connection, list(published or ()))
                marks = moved_aside.kept_marks(connection).values()
                ends = [mark.expires for mark in marks if mark.expires is not None]
                is_kept = _is_kept(connection)
        except RightsMissing:
            (role,) = quoted(connection, connection.info.user)
            raise RightsMissing(
                "The target's role may not read the receipts.",
                hint=f"GRANT USAGE ON SCHEMA {receipt.SCHEMA} TO {role}; "
                f"GRANT SELECT ON {receipt.SCHEMA}.receipts TO {role}",
                state="Nothing was changed.",
            ) from None
    return State(
        entry=entry,
        as_published=None
        if published is None
        else not any(receipt.differs(one, now.get(name)) for name, one in published.items()),
        kept_until=min(ends, default=None),
        kept=is_kept,
        holder=holder,
    )


def _is_kept(connection: Connection) -> bool:
    try:
        kept.generation(connection)
    except TargetUnfit:
        return False
    return True
