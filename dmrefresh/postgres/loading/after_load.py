"""What a ruleset has run on the loaded rows, before anybody sees them, and what must hold then."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psycopg
from psycopg import sql

from dmrefresh.dump.judging.after_load import Script
from dmrefresh.errors import ChecksFailed, RightsMissing
from dmrefresh.observer import Observer
from dmrefresh.postgres import Connection
from dmrefresh.postgres.failures import from_server, named


def run(connection: Connection, script: Script, schemas: Sequence[str], observer: Observer) -> list[int]:
    """Run each statement.

    Args:
        connection: the publishing transaction.
        script: the statements.
        schemas: those that are published; names without a schema are of `public`, where it is among them.
        observer: is told how many rows they were about.

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
                done = connection.execute(step.sql.encode(), binary=True).rowcount
                changed.append(max(done, 0))  # -1 of what counts none, such as TRUNCATE
    if changed:
        statements = "1 statement" if len(changed) == 1 else f"{len(changed)} statements"
        observer.note(f"{statements} ran after the load, about {sum(changed):,} rows; the report tells of each")
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
    except psycopg.OperationalError as error:  # lost, in the way, no room: no fault of the statement
        raise from_server(error, f"at {where}") from None
    except psycopg.Error as error:
        failure = from_server(error, f"at {where}")
        if isinstance(failure, RightsMissing):
            raise failure from None
        state = error.sqlstate or "of a value that cannot be read"
        said = f"{where}: {what} (SQLSTATE {state}{named(error)})."
        raise ChecksFailed(said, hint="amend it, then run it again") from None
