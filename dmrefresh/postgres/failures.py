"""What PostgreSQL says, as failures of ours: codes, names and numbers, never the server's own sentences.

The server's messages quote the values it stumbled over (`invalid input syntax for type integer: "…"`,
`Key (email)=(…) already exists`), so nothing of them is passed on but identifiers and line numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from dmrefresh.errors import ChecksFailed, Failure, RightsMissing, TargetUnfit, TargetUnreachable

# The server goes on with the row itself after this, so nothing further right must ever match.
_COPY_LINE = re.compile(r"COPY [^,:\"]*, line (\d+)(?:, column (\w+))?(?=:|$)")

# https://www.postgresql.org/docs/current/errcodes-appendix.html
_LOST = {
    "25P03",  # idle_in_transaction_session_timeout
    "25P04",  # transaction_timeout
    "53300",  # too_many_connections
    "57P01",  # admin_shutdown
    "57P02",  # crash_shutdown
    "57P03",  # cannot_connect_now
    "57P05",  # idle_session_timeout
}
_COLLIDED = {
    "40001",  # serialization_failure
    "40P01",  # deadlock_detected
    "55P03",  # lock_not_available
}
_NOT_ALLOWED = "42501"  # insufficient_privilege
_DISK_FULL = "53100"
# Which disk: by a part of the name of the file that could not be written, which the server says in every language.
_DISKS = {"pg_wal": "write-ahead log", "pgsql_tmp": "temporary files"}
_FULL = {
    "53200": "it is out of memory or of locks",
    "53400": "a limit is reached",
}
_ABSENT = {
    "0A000",  # feature_not_supported
    "22023",  # invalid_parameter_value
    "3F000",  # invalid_schema_name
    "42601",  # syntax_error
    "42704",  # undefined_object
    "42883",  # undefined_function
    "42P17",  # invalid_object_definition
    "58P01",  # undefined_file
}


class NotUnderstood(TargetUnfit):
    """A statement asks for what the target does not know, or does in another way."""


class RowsNotTaken(ChecksFailed):
    """A row holds what a type of the target does not take."""


@contextmanager
def translated(doing: str, *, called: str = "target") -> Iterator[None]:
    """Turn what psycopg raises inside the block into failures.

    Args:
        doing: what was being done, as the end of a sentence: `while rows of users were loaded`.
        called: what the database is called in messages.

    Raises:
        TargetUnreachable, TargetUnfit, RightsMissing, ChecksFailed: see `from_server`.
    """
    try:
        yield
    except psycopg.Error as error:
        raise from_server(error, doing, called=called) from None


def from_server(error: psycopg.Error, doing: str, *, called: str = "target") -> Failure:
    """The failure that an error of psycopg or of the server means.

    Args:
        error: what was raised.
        doing: what was being done.
        called: what the database is called in messages.
    """
    state = error.sqlstate
    if state is None or state.startswith("08") or state in _LOST:
        return TargetUnreachable(
            f"The connection to the {called} was lost {doing}.", hint="is the server up? Then run it again"
        )
    place = named(error)
    if state in _COLLIDED:
        return TargetUnreachable(
            f"Another session holds what is needed {doing} (SQLSTATE {state}{place}).", hint="run it again"
        )
    if state == _NOT_ALLOWED:
        return RightsMissing(f"The {called}'s role lacks a right that is needed {doing}{place}.")
    if state == _DISK_FULL:
        which = next((of for part, of in _DISKS.items() if part in (error.diag.message_primary or "")), "data")
        return TargetUnfit(
            f"The {called} cannot go on {doing}: the disk of its {which} is full (SQLSTATE {state}).",
            hint="make room there: the new data lies beside the old until it is published, and `dmrefresh plan` says "
            "how much that is; then run it again",
        )
    if state in _FULL:
        return TargetUnfit(f"The {called} cannot go on {doing}: {_FULL[state]} (SQLSTATE {state}).")
    if state.startswith("22") and _COPY_LINE.match(error.diag.context or ""):
        return RowsNotTaken(f"The {called} refused the data {doing} (SQLSTATE {state}{place}).")
    if state in _ABSENT:
        return NotUnderstood(f"The {called} does not know what the dump asks for {doing} (SQLSTATE {state}{place}).")
    if state.startswith(("22", "23")):
        return ChecksFailed(f"The {called} refused the data {doing} (SQLSTATE {state}{place}).")
    return TargetUnfit(f"The {called} reported an error {doing} (SQLSTATE {state}{place}).")


def named(error: psycopg.Error) -> str:
    """The identifiers and line numbers of an error, as the continuation of a parenthesis; never a value.

    A function of the dump may raise what it likes, and say of a value that it is a constraint's name, or give a
    temporary table such a name.
    """
    parts = []
    raised = error.diag.source_function == "exec_stmt_raise" or (error.diag.schema_name or "").startswith("pg_temp")
    if error.diag.table_name and not raised:
        parts.append(f"table {error.diag.table_name}")
    copied = _COPY_LINE.match(error.diag.context or "")
    if copied is not None:
        parts.append(f"line {copied[1]} of the rows")
    column = (None if raised else error.diag.column_name) or (copied[2] if copied else None)
    if column:
        parts.append(f"column {column}")
    if error.diag.constraint_name and not raised:
        parts.append(f"constraint {error.diag.constraint_name}")
    return "".join(f", {part}" for part in parts)
