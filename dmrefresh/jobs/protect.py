"""protect: mark a database as production, so that nothing is ever published to it."""

from __future__ import annotations

from psycopg import Error
from psycopg.conninfo import conninfo_to_dict

from dmrefresh.errors import RightsMissing, UsageFailure
from dmrefresh.postgres import connect, guard


def run(url: str) -> bool:
    """Mark the database.

    Args:
        url: its connection URL, without a password: everybody on this machine can read a command line.

    Returns:
        whether it was not marked before.

    Raises:
        UsageFailure: the URL is none, or has a password in it.
        RightsMissing: the role may not create in the database.
        TargetUnreachable: the server does not answer.
    """
    try:
        has_password = bool(conninfo_to_dict(url).get("password"))
    except Error:
        raise UsageFailure("That is no PostgreSQL connection URL.") from None
    if has_password:
        raise UsageFailure(
            "The url has a password in it, which everybody on this machine could read.",
            hint="leave it out, and set PGPASSWORD or use ~/.pgpass or a service of libpq's",
        )
    with connect.session(url) as connection:
        try:
            return guard.protect(connection)
        except RightsMissing as failure:
            failure.hint = "connect as the owner of the database, or grant this role CREATE on it"
            raise
