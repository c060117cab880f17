"""What other schemas of the target hold goes along when another database takes its place.

A dump of these schemas is made on the target, read by our own reader and executed by the policy, as the refresh's own
dump is; nothing of it is written to a disk, and psql never sees it. Whose the objects are, and who may do what with
them, is carried over from the catalogue. The target holds still meanwhile; see `stillness`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg

from dmrefresh.dump.events import Head, Statement, TableData
from dmrefresh.dump.reader import read_dump
from dmrefresh.errors import ChecksFailed, DumpDamaged, DumpRefused, RightsMissing, TargetUnfit, TargetUnreachable
from dmrefresh.observer import Observer
from dmrefresh.postgres import Connection
from dmrefresh.postgres.carrying.stillness import Held
from dmrefresh.postgres.errand import Errand
from dmrefresh.postgres.failures import from_server, named, translated
from dmrefresh.postgres.loading import checks
from dmrefresh.postgres.loading.load import Loader, until_end
from dmrefresh.postgres.reach import conninfo
from dmrefresh.postgres.reach.session_facts import major

_OPTIONS = (
    "--no-owner",
    "--no-privileges",
    "--no-security-labels",
    "--no-publications",
    "--no-subscriptions",
    "--strict-names",
    "--lock-wait-timeout=10000",
)


def carry(errand: Errand, new: Connection, held: Held) -> int:
    """Make what other schemas hold in the new database, with its rows, as the role that loads.

    Args:
        errand: what is published; its session holds the schemas still.
        new: the transaction in which the dump's own data is there.
        held: what is held still.

    Returns:
        how many rows they are. Nothing is said while writers wait: whoever reads it slowly would hold them up.

    Raises:
        ChecksFailed: something does not fit the new data; it is named.
        TargetUnfit: pg_dump did not end well, or wrote what cannot be carried over.
        Failure: from the server.
    """
    if not held.schemas or errand.dump_others is None:
        return 0
    connection = errand.connection
    patterns = ['--schema="{}"'.format(schema.replace('"', '""')) for schema in held.schemas]
    text = errand.dump_others(major(connection), conninfo.used(connection), [*_OPTIONS, *patterns])
    with closing(text), _said():
        events = read_dump(text, limits=errand.limits)
        head = next(events)
        assert isinstance(head, Head)
        loader = Loader(new, head, Observer(), extensions_inside=True, telling=_fitting)
        loader.made_schemas = set(held.schemas)
        for statement in head.statements:
            loader.execute(statement)
        for event in until_end(events):
            if isinstance(event, TableData):
                loader.copy(event, events)
            else:
                loader.execute(event)
        loader.execute_held_back()
    with translated("while what other schemas hold was looked at"):
        checks.constraints(new)
        checks.analyse(new, held.schemas)
    return sum(loader.rows.values())


@contextmanager
def _fitting(statement: Statement) -> Iterator[None]:
    """Name the object that the new data has no place for."""
    what = f"{statement.kind} {statement.target}" if statement.target else statement.kind
    try:
        yield
    except psycopg.Error as error:
        failure = from_server(error, f"while other schemas were carried over, at {what}")
        state = error.sqlstate or ""
        if isinstance(failure, TargetUnreachable | RightsMissing) or state.startswith("53"):
            raise failure from None
        raise ChecksFailed(
            f"What another schema of the target holds does not fit the new data: {what} "
            f"(SQLSTATE {state}{named(error)}).",
            hint="alter or drop it on the target, then run it again",
        ) from None


@contextmanager
def _said() -> Iterator[None]:
    """What the reader or the policy refuse is about the target, not about the dump that is published."""
    try:
        yield
    except (DumpRefused, DumpDamaged) as failure:
        raise TargetUnfit(
            f"What other schemas of the target hold cannot be carried over: {failure.what}",
            hint="move or drop it, or publish by the strategy `schema`, which leaves other schemas alone",
        ) from None
