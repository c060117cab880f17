"""protect: mark a database as production, so that nothing is ever published to it."""

from __future__ import annotations

from dataclasses import dataclass

from psycopg.conninfo import conninfo_to_dict

from dmrefresh.errors import RightsMissing, UsageFailure
from dmrefresh.jobs.targets.naming import refuse_password
from dmrefresh.postgres import guard
from dmrefresh.postgres.reach import connect
from dmrefresh.postgres.reach.conninfo import refuse_misread


@dataclass(frozen=True, slots=True)
class Protected:
    """What was marked: whether it was not before, the database, and the server it is on."""

    newly: bool
    database: str
    host: str


def run(url: str) -> Protected:
    """Mark the database.

    Args:
        url: its connection URL, without a password: everybody on this machine can read a command line.

    Returns:
        what is marked now.

    Raises:
        UsageFailure: the URL is none, says nothing, or has a password in it.
        RightsMissing: the role may not create in the database.
        TargetUnreachable: the server does not answer.
    """
    refuse_misread(url, "The url")
    said = conninfo_to_dict(url)
    if not said:
        raise UsageFailure(
            "The url is empty: it does not say which database to mark.", hint="is a variable in it not set?"
        )
    refuse_password(url)
    with connect.session(url) as connection:
        try:
            newly = guard.protect(connection)
        except RightsMissing as failure:
            failure.hint = "connect as the owner of the database, or grant this role CREATE on it"
            raise
        info = connection.info
        return Protected(newly, info.dbname, info.host or info.hostaddr or "the local socket")
