"""Commit, and if the connection dies while the server is at it, find out what became of it."""

from __future__ import annotations

import time

import psycopg

from dmrefresh.errors import CommitInDoubt, Failure, TargetUnreachable
from dmrefresh.postgres import Connection
from dmrefresh.postgres.connect import session
from dmrefresh.postgres.failures import from_server

_PATIENCE = 60.0
"""Seconds to wait for the server to answer again before the outcome is called unknown."""


def transaction_id(connection: Connection) -> str:
    """The number of the running transaction, by which its outcome can be asked for later."""
    row = connection.execute("SELECT pg_catalog.pg_current_xact_id()::text").fetchone()
    assert row is not None
    return str(row[0])


def commit(connection: Connection, url: str, xid: str, patience: float = _PATIENCE) -> None:
    """Commit the publishing transaction.

    Args:
        connection: the transaction.
        url: where to ask, on a new connection, if this one is lost.
        xid: its number, from `transaction_id`.
        patience: seconds to go on asking.

    Returns:
        when the data is published, also where the connection was lost after the server had committed.

    Raises:
        TargetUnreachable: it was lost before, and nothing was published.
        CommitInDoubt: the server did not answer for so long that nobody knows.
        Failure: the server refused the commit; nothing was published.
    """
    try:
        connection.execute("COMMIT")
    except psycopg.Error as error:
        if error.sqlstate is not None and not connection.broken:
            raise from_server(error, "at the commit") from None
    else:
        return
    if not outcome(url, xid, patience):
        raise TargetUnreachable("The connection was lost before the commit took effect.", hint="run it again")


def outcome(url: str, xid: str, patience: float) -> bool:
    """Whether the transaction was committed, asked on a new connection (pg_xact_status, functions-info).

    Raises:
        CommitInDoubt: no answer within `patience` seconds.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            with session(url) as connection:
                row = connection.execute("SELECT pg_catalog.pg_xact_status(%s::xid8)", (xid,)).fetchone()
                if row is not None and row[0] in ("committed", "aborted"):
                    return bool(row[0] == "committed")
        except (psycopg.Error, Failure):  # still down, or coming up: ask again
            pass
        if time.monotonic() > deadline:
            raise CommitInDoubt(
                "The connection was lost during the commit, and the server does not say what became of it.",
                state="The target holds either the old data or the new, whole; which of them is not known.",
                hint=f"ask it when it is back: SELECT pg_xact_status('{xid}'::xid8)",
            )
        time.sleep(0.2)
