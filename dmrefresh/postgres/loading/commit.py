"""Commit, and if the connection dies while the server is at it, find out what became of it."""

from __future__ import annotations

import time

import psycopg

from dmrefresh.errors import ChecksFailed, CommitInDoubt, Failure, TargetUnreachable
from dmrefresh.postgres import Connection
from dmrefresh.postgres.failures import from_server
from dmrefresh.postgres.reach.connect import session

_PATIENCE = 60.0
"""Seconds to wait for the server to answer again before the outcome is called unknown."""

# A server that crashed may give a number again that it had given to a transaction of which nothing was on disk yet. So
# that another's is not taken for ours, what ours made or renamed is looked for: a schema, or a database.
# A standby, to which a name may lead after a loss, may not have heard of it yet: what it says is no answer.
_OUTCOME = """
SELECT CASE WHEN NOT pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_xact_status(x.id) END,
       EXISTS (SELECT FROM pg_catalog.pg_namespace n WHERE n.xmin = x.id::xid)
       OR EXISTS (SELECT FROM pg_catalog.pg_database d WHERE d.xmin = x.id::xid)
FROM (SELECT %s::xid8) x (id)
"""


def transaction_id(connection: Connection) -> str:
    """The number of the running transaction, by which its outcome can be asked for later."""
    row = connection.execute("SELECT pg_catalog.pg_current_xact_id()::text").fetchone()
    assert row is not None
    return str(row[0])


def refuse_ended(connection: Connection, xid: str) -> None:
    """Raises ChecksFailed where the dump has ended the transaction it was loaded in."""
    if transaction_id(connection) != xid:
        raise ChecksFailed("The dump ended the publishing transaction.", state="Look at the target by hand.")


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
        CommitInDoubt: no answer within `patience` seconds, or one that may be about another transaction.
    """
    deadline = time.monotonic() + patience
    while True:
        status, is_ours = _asked(url, xid)
        if status == "aborted":
            return False
        if status == "committed" and is_ours:
            return True
        if status == "committed":
            raise CommitInDoubt(
                "The connection was lost during the commit, and the server has given the transaction's number again.",
                state="The target holds either the old data or the new, whole; which of them is not known.",
                hint="`dmrefresh status` says which dump it holds",
            )
        if time.monotonic() > deadline:
            raise CommitInDoubt(
                "The connection was lost during the commit, and the server does not say what became of it.",
                state="The target holds either the old data or the new, whole; which of them is not known.",
                hint=f"ask it when it is back: SELECT pg_xact_status('{xid}'::xid8)",
            )
        time.sleep(0.2)


def _asked(url: str, xid: str) -> tuple[str | None, bool]:
    """What the server says of the transaction, None while it says nothing; and whether anything of ours is there."""
    try:
        with session(url) as connection:
            row = connection.execute(_OUTCOME, (xid,)).fetchone()
    except psycopg.errors.InvalidParameterValue:  # not given yet: a server that crashed has forgotten all about it
        return "aborted", False
    except (psycopg.Error, Failure):  # still down, or coming up: ask again
        return None, False
    return row if row is not None else (None, False)
