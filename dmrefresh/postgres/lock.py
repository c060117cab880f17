"""One refresh of a target at a time: an advisory lock, of the publishing transaction or of a session."""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from dmrefresh.errors import Busy, TargetUnreachable
from dmrefresh.postgres import Connection

_KEY = (0x646D7266, 1)
""""dmrf", and the version of what the lock guards. Advisory locks are of one database."""
_DATABASES = 0x646D7267
"""For locks on databases of other names: the first of two keys, the second is made of the name."""
SHOWN = "%Y-%m-%d %H:%M:%S UTC"
"""How a moment is shown."""

_RUN = re.compile(r"dmrefresh ((\d{8}T\d{6}Z)-\S+)")
"""What the session of a run calls itself."""
_HOLDER = """
SELECT a.pid, a.usename, pg_catalog.to_char(
           pg_catalog.timezone('UTC', coalesce(a.xact_start, a.backend_start)), 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
       a.application_name
FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a USING (pid)
WHERE l.locktype = 'advisory' AND l.granted AND l.classid::bigint = %s AND l.objid::bigint = %s
  AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
"""
_HELD_SOMEWHERE = """
SELECT FROM pg_catalog.pg_locks l
WHERE l.locktype = 'advisory' AND l.granted AND l.classid::bigint = %s AND l.objid::bigint = %s
"""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock: server process, role, since when (UTC, in ISO 8601), and what the session calls itself.

    What a role may not see about another's session is None.
    """

    pid: int
    role: str | None
    since: str | None
    application: str | None

    @property
    def run(self) -> str | None:
        """The run's identifier, where it is a run's session."""
        found = _RUN.fullmatch(self.application or "")
        return found[1] if found is not None else None

    @property
    def began(self) -> datetime | None:
        """Since when it is at it. A run's name says so too, which the server hides from nobody."""
        found = _RUN.fullmatch(self.application or "")
        if found is not None:
            with suppress(ValueError):  # anybody may call a session so
                return datetime.strptime(found[2], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        return datetime.fromisoformat(self.since) if self.since is not None else None


def holder(connection: Connection, key: tuple[int, int] = _KEY) -> Holder | None:
    """Who holds a lock in the session's database, if anybody does.

    Raises:
        psycopg.Error: the server refuses.
    """
    row = connection.execute(_HOLDER, key).fetchone()
    return None if row is None else Holder(*row)


def of_database(name: str) -> tuple[int, int]:
    """The key that stands for a database by its name, to be locked in another one that is never renamed."""
    return (_DATABASES, int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") & 0x7FFFFFFF)


def take(connection: Connection) -> None:
    """Take the lock until the transaction ends.

    Raises:
        Busy: another session holds it; the message says since when.
    """
    row = connection.execute("SELECT pg_catalog.pg_try_advisory_xact_lock(%s, %s)", _KEY).fetchone()
    if row is None or not row[0]:
        raise _busy(connection, _KEY)


def hold(connection: Connection, key: tuple[int, int] = _KEY) -> None:
    """Take a lock for as long as the session lasts.

    Args:
        connection: a session straight to the server: behind a pool that deals out transactions it would be lost.
        key: of the lock; that of the session's own database if none is given.

    Raises:
        Busy: another session holds it.
    """
    row = connection.execute("SELECT pg_catalog.pg_try_advisory_lock(%s, %s)", key).fetchone()
    if row is None or not row[0]:
        raise _busy(connection, key)


def is_held(connection: Connection, key: tuple[int, int]) -> bool:
    """Whether any session of the server holds a lock, in whichever database.

    Raises:
        psycopg.Error: the server refuses.
    """
    return connection.execute(_HELD_SOMEWHERE, key).rowcount > 0


def refuse_lost(connection: Connection, key: tuple[int, int]) -> None:
    """Raises TargetUnreachable where the session no longer holds the lock that it took."""
    found = connection.execute(
        "SELECT FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND granted AND classid::bigint = %s "
        "AND objid::bigint = %s AND pid = pg_catalog.pg_backend_pid()",
        key,
    )
    if not found.rowcount:
        raise TargetUnreachable(
            "The lock on the target was lost, as behind a pool that deals out transactions.",
            hint="give the server's own address as the target",
        )


def _busy(connection: Connection, key: tuple[int, int]) -> Busy:
    found = holder(connection, key)
    known = []
    if found is not None:
        known = [f"server process {found.pid}"]
        known += [f"role {found.role}"] if found.role is not None else []
        known += [f"since {found.began:{SHOWN}}"] if found.began is not None else []
    who = f" ({', '.join(known)})" if known else ""
    return Busy(f"Another refresh of this target is under way{who}.")
