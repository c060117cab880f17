"""The moment in which another database takes the target's place."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

import psycopg
from psycopg import sql

from dmrefresh.errors import TargetBusy, TargetUnreachable
from dmrefresh.observer import Observer
from dmrefresh.postgres import Connection, lock
from dmrefresh.postgres.loading import commit as commits
from dmrefresh.postgres.strategies.replaceable import refuse_sessions_of
from dmrefresh.postgres.strategies.siblings import PREVIOUS, Names, described
from dmrefresh.postgres.strategies.strategy import Disconnected

_TRIES = 2
"""How often the swap is tried where a session slips in; each waits five seconds at most (the server's own limit)."""
_LONGEST_CHECK = 4.0
"""Seconds that the last look at the target may take, of these five; after that the rename gives up."""
_STANDSTILL = "10s"
"""How long a publisher that has stopped, or is cut off, keeps the target closed; then the server ends its session."""
_ACL = """
SELECT CASE a.grantee WHEN 0 THEN NULL ELSE pg_catalog.pg_get_userbyid(a.grantee) END, a.privilege_type,
       pg_catalog.bool_or(a.is_grantable)
FROM pg_catalog.pg_database d,
     LATERAL pg_catalog.aclexplode(coalesce(d.datacl, pg_catalog.acldefault('d', d.datdba))) a
WHERE d.datname = %s GROUP BY 1, 2 ORDER BY 1, 2
"""
# Autovacuum's workers, who have no role, are ended by the rename itself. Of what kind a session
# is, not everybody may see.
# Materialised: in a WHERE the planner would be free to end a session before it has looked whose it is.
_END_SESSIONS = """
WITH there AS MATERIALIZED (
    SELECT a.pid FROM pg_catalog.pg_stat_activity a
    WHERE a.datname = %s AND a.pid NOT IN (pg_catalog.pg_backend_pid(), %s) AND a.usesysid IS NOT NULL
)
SELECT pid, pg_catalog.pg_terminate_backend(pid) FROM there
"""
_IS_CLOSED = """
SELECT FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_database d ON d.oid = l.objid
WHERE l.classid = 'pg_catalog.pg_database'::pg_catalog.regclass AND d.datname = %s
  AND l.mode = 'AccessExclusiveLock' AND l.granted AND l.pid = %s
"""


@dataclass(slots=True)
class Swap:
    """What the swap needs, and what it has done.

    Args:
        connection: the session on the maintenance database that holds the lock.
        ender: another session there, which ends the target's sessions.
        last: our own session on the target, which stays until no other is there, and none can come.
        check: is called then; what it raises leaves the target as it was.
        url: of the maintenance database, where to ask if the connection is lost during the commit.
        names: the target's and the others.
        observer: is told of the step `renamed`, just before the commit.
    """

    connection: Connection
    ender: Connection
    last: Connection
    check: Callable[[], None]
    url: str = field(repr=False)
    names: Names
    observer: Observer
    ended: set[int] = field(default_factory=set)
    checked: bool = False
    looked: float = 0.0

    def run(self) -> Disconnected:
        """Put the new database in the target's place: both renames, rights and comment in one transaction.

        The rename takes a lock that every new session of the target has to wait for, and waits until nobody is in it
        any more; meanwhile those who are there are ended. The target is never closed in a way that outlives the
        transaction: whatever breaks off here, the server rolls back, and those who wait are let into the old data.

        Returns:
            what the target's sessions noticed.

        Raises:
            TargetBusy: the target's sessions could not be ended, or the check took too long; nothing was published.
            TargetUnreachable: our own session on the target was lost, and with it what it held still.
            RightsMissing: the role may not end them.
            CommitInDoubt: nobody knows whether it is done.
        """
        for _ in range(_TRIES):
            try:
                return self._try()
            except (psycopg.errors.ObjectInUse, psycopg.errors.LockNotAvailable):
                self.connection.execute("ROLLBACK")
                if self.looked > _LONGEST_CHECK:
                    raise TargetBusy(
                        f"What is in the target took {self.looked:.0f} seconds to look through once nobody else was in "
                        "it, longer than the server lets it be renamed.",
                        hint="run it again when the server has less to do, or publish by the strategy `schema`",
                    ) from None
                if self.last.closed:  # and what it held still is no longer
                    break
            except psycopg.errors.InsufficientPrivilege:
                self.connection.execute("ROLLBACK")
                refuse_sessions_of(self.ender, self.names.target)  # says whose, unless they have gone by now
                raise
        raise TargetBusy(
            "Sessions on the target could not be ended, so the new data could not take its place.",
            hint="see who is connected to it (pg_stat_activity), then run it again",
        )

    def _try(self) -> Disconnected:
        connection, names = self.connection, self.names
        connection.execute("BEGIN")
        connection.execute(sql.SQL("SET LOCAL idle_in_transaction_session_timeout = {}").format(_STANDSTILL))
        lock.refuse_lost(connection, lock.of_database(names.target))
        xid = commits.transaction_id(connection)
        _dress(connection, names)
        began = time.monotonic()
        with ThreadPoolExecutor(max_workers=1) as other:
            renaming = other.submit(_rename, connection, names.target, names.old)
            try:
                self._empty(renaming)
            except BaseException:
                connection.cancel_safe()
                wait([renaming])
                raise
            renaming.result()
        if not self.checked:  # the rename was let through by the loss of our session, not by us
            raise TargetUnreachable(
                "The session that held the target still was lost before nobody else was in it.", hint="run it again"
            )
        _rename(connection, names.new, names.target)
        old = sql.Identifier(names.old)
        connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false IS_TEMPLATE false").format(old))
        connection.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(old, PREVIOUS))
        self.observer.step("renamed")
        commits.commit(connection, self.url, xid)
        return Disconnected(round(time.monotonic() - began, 3), len(self.ended))

    def _empty(self, renaming: Future[None]) -> None:
        """End the target's sessions, ours last of all, while the rename waits for it."""
        target, ours = self.names.target, self.last.info.backend_pid
        while not renaming.done():
            # Asked first: whoever came before the lock is seen by what follows.
            closed = self.ender.execute(_IS_CLOSED, (target, self.connection.info.backend_pid)).rowcount > 0
            there = {pid for pid, _ in self.ender.execute(_END_SESSIONS, (target, ours))}
            self.ended |= there
            if closed and not there and not self.last.closed:
                began = time.monotonic()
                self.check()
                self.looked = time.monotonic() - began
                self.checked = True
                self.last.close()
            wait([renaming], timeout=0.02)


def _dress(connection: Connection, names: Names) -> None:
    """Give the new database the target's rights, comment, connection limit and mark as template, as they are now."""
    facts, owner, _, _, comment = described(connection, names.target)
    new = sql.Identifier(names.new)
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC, {}").format(new, sql.Identifier(owner)))
    for grantee, privilege, grantable in connection.execute(_ACL, (names.target,)).fetchall():
        connection.execute(
            sql.SQL("GRANT {} ON DATABASE {} TO {}{}").format(
                sql.SQL(privilege),
                new,
                sql.SQL("PUBLIC") if grantee is None else sql.Identifier(grantee),
                sql.SQL(" WITH GRANT OPTION" if grantable and grantee != owner else ""),
            )
        )
    altered = sql.SQL("ALTER DATABASE {} CONNECTION LIMIT {} IS_TEMPLATE {}")
    limit, template = sql.Literal(facts["datconnlimit"]), sql.Literal(facts["datistemplate"])
    connection.execute(altered.format(new, limit, template))
    connection.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(new, sql.Literal(comment)))


def _rename(connection: Connection, old: str, new: str) -> None:
    connection.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(old), sql.Identifier(new)))
