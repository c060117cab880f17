"""What a session tells about its server and its role."""

from __future__ import annotations

import psycopg

from dmrefresh.postgres import Connection


def is_superuser(connection: Connection) -> bool:
    """Whether the session's role is one."""
    return connection.info.parameter_status("is_superuser") == "on"


def major(connection: Connection) -> int:
    """The server's major version."""
    return connection.info.server_version // 10000


def version(connection: Connection) -> str:
    """The server's version, such as `16.4` or `18beta1`; without what a distribution adds to it."""
    return (connection.info.parameter_status("server_version") or "").split(" ")[0]


def system_identifier(connection: Connection) -> int | None:
    """The server's, or None where it may not be asked for; every role may unless somebody took the right away."""
    try:
        row = connection.execute("SELECT system_identifier FROM pg_catalog.pg_control_system()").fetchone()
    except psycopg.errors.InsufficientPrivilege:
        return None
    return None if row is None else int(row[0])
