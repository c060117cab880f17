"""What a ruleset has run on the loaded rows, before anybody sees them, and what must hold then."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psycopg
from psycopg import sql

from dmrefresh.dump.after_load import Script
from dmrefresh.errors import ChecksFailed, RightsMissing, TargetUnreachable
from dmrefresh.observer import Observer
from dmrefresh.postgres import Connection
from dmrefresh.postgres.failures import from_server

_NO_ROOM = ("53",)
"""Classes of SQLSTATE for what is no fault of the statement: insufficient resources."""


def run(connection: Connection, script: Script, schemas: Sequence[str], observer: Observer) -> list[int]:
    """Run each statement.

    Args:
        connection: the publishing transaction.
        script: the statements.
        schemas: those that are published; names without a schema are of `public`, where it is among them.
        observer: is told how many rows each was about.

    Returns:
        these numbers.

    Raises:
        ChecksFailed: a statement failed, which it would again.
        Failure: the connection is lost, a right is missing, or the server has no room.
    """
    changed = []
    with _in_public(connection, schemas):
        for step in script.steps:
            with _told(step.where, "the statement after the load failed"):
                # The extended protocol, which a binary result brings about, takes one statement and no more.
                changed.append(connection.execute(step.sql.encode(), binary=True).rowcount)
            observer.note(f"{step.where}: {changed[-1]:,} rows")
    return changed


def check(connection: Connection, script: Script, schemas: Sequence[str]) -> None:
    """See that every check gives true.

    Raises:
        ChecksFailed: one does not; all are named.
    """
    failed = []
    with _in_public(connection, schemas):
        for one in script.checks:
            with _told(one.where, "the check failed"):
                rows = connection.execute(one.sql.encode(), binary=True).fetchall()
            if [value is True for row in rows for value in row] != [True]:
                failed.append(one.where)
    if failed:
        raise ChecksFailed(
            f"What the ruleset checks does not hold: {'; '.join(failed)}.",
            hint="look at the data, or amend the check",
        )


@contextmanager
def _in_public(connection: Connection, schemas: Sequence[str]) -> Iterator[None]:
    """Names without a schema are found as the team writes them, and not for longer than that."""
    path = "public" if "public" in schemas else ""
    with _told("after_load", "the search path could not be set"):
        connection.execute(sql.SQL("SELECT pg_catalog.set_config('search_path', {}, true)").format(path))
    yield
    with _told("after_load", "the search path could not be set"):
        connection.execute("SELECT pg_catalog.set_config('search_path', '', true)")


@contextmanager
def _told(where: str, what: str) -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        failure = from_server(error, f"at {where}")
        state = error.sqlstate or ""
        if isinstance(failure, TargetUnreachable | RightsMissing) or state.startswith(_NO_ROOM):
            raise failure from None
        names = [error.diag.table_name, error.diag.column_name, error.diag.constraint_name]
        raised = error.diag.source_function == "exec_stmt_raise"  # by a function, which may call a value a name
        named = "".join(f", {name}" for name in names if name and not raised)
        raise ChecksFailed(f"{where}: {what} (SQLSTATE {state}{named}).", hint="amend it, then run it again") from None
