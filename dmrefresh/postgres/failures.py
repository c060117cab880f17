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

_LOST = {"57P01", "57P02", "57P03", "57P05", "25P03", "25P04", "53300"}
_COLLIDED = {"40001", "40P01", "55P03"}
_FULL = {
    "53100": "its disk is full",
    "53200": "it is out of memory or of locks",
    "53400": "a limit is reached",
}
_ABSENT = {"0A000", "42704", "42883", "58P01", "3F000", "42601", "42P17"}


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Turn what psycopg raises inside the block into failures.

    Args:
        doing: what was being done, as the end of a sentence: `while rows of users were loaded`.

    Raises:
        TargetUnreachable, TargetUnfit, RightsMissing, ChecksFailed: see `from_server`.
    """
    try:
        yield
    except psycopg.Error as error:
        raise from_server(error, doing) from None


def from_server(error: psycopg.Error, doing: str) -> Failure:
    """The failure that an error of psycopg or of the server means.

    Args:
        error: what was raised.
        doing: what was being done.
    """
    state = error.sqlstate
    if state is None or state.startswith("08") or state in _LOST:
        return TargetUnreachable(
            f"The connection to the target was lost {doing}.", hint="is the server up? Then run it again"
        )
    place = _named(error)
    if state in _COLLIDED:
        return TargetUnreachable(
            f"Another session holds what is needed {doing} (SQLSTATE {state}{place}).", hint="run it again"
        )
    if state == "42501":
        return RightsMissing(f"The target's role lacks a right that is needed {doing}{place}.")
    if state in _FULL:
        return TargetUnfit(f"The target cannot go on {doing}: {_FULL[state]} (SQLSTATE {state}).")
    if state.startswith(("22", "23")):
        return ChecksFailed(f"The target refused the data {doing} (SQLSTATE {state}{place}).")
    if state in _ABSENT:
        return TargetUnfit(f"The target does not know what the dump asks for {doing} (SQLSTATE {state}{place}).")
    return TargetUnfit(f"The target reported an error {doing} (SQLSTATE {state}{place}).")


def _named(error: psycopg.Error) -> str:
    """The identifiers and line numbers of an error, as the continuation of a parenthesis."""
    parts = []
    if error.diag.table_name:
        parts.append(f"table {error.diag.table_name}")
    copied = _COPY_LINE.match(error.diag.context or "")
    if copied is not None:
        parts.append(f"line {copied[1]} of the rows")
    column = error.diag.column_name or (copied[2] if copied else None)
    if column:
        parts.append(f"column {column}")
    if error.diag.constraint_name:
        parts.append(f"constraint {error.diag.constraint_name}")
    return "".join(f", {part}" for part in parts)
