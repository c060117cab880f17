"""One refresh of a target at a time: an advisory lock in the publishing transaction itself."""

from __future__ import annotations

from dmrefresh.errors import Busy
from dmrefresh.postgres import Connection

_KEY = (0x646D7266, 1)
""""dmrf", and the version of what the lock guards. Advisory locks are of one database."""


def take(connection: Connection) -> None:
    """Take the lock until the transaction ends.

    Raises:
        Busy: another session holds it; the message says since when.
    """
    row = connection.execute("SELECT pg_catalog.pg_try_advisory_xact_lock(%s, %s)", _KEY).fetchone()
    if row is not None and row[0]:
        return
    holder = connection.execute(
        """
        SELECT a.pid, a.usename, pg_catalog.to_char(a.xact_start, 'YYYY-MM-DD HH24:MI:SS TZ')
        FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a USING (pid)
        WHERE l.locktype = 'advisory' AND l.granted AND l.classid::bigint = %s AND l.objid::bigint = %s
          AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
        """,
        _KEY,
    ).fetchone()
    who = f" (server process {holder[0]}, role {holder[1]}, since {holder[2]})" if holder else ""
    raise Busy(f"Another refresh of this target is under way{who}.", hint="wait for it, then run it again")
