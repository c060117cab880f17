"""The databases beside the target: the one that is loaded, and the one that was the target before.

Their names are the target's with a suffix; whoever holds the target's lock in the maintenance database may make and
drop them. Each is told from a database of somebody else's by its comment. One that is being made lets nobody in until
it has its comment, so that a run that dies in between leaves what the next one knows for its own.
"""

from __future__ import annotations

import hashlib
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from dmrefresh.errors import Failure, TargetBusy, TargetUnfit
from dmrefresh.observer import Observer
from dmrefresh.postgres import Connection, lock
from dmrefresh.postgres import commit as commits
from dmrefresh.postgres.failures import translated
from dmrefresh.postgres.strategy import Disconnected

_MARK = "dmrefresh: "
_MADE = f"{_MARK}new data on its way, dropped by the next run if it was broken off"
_PREVIOUS = f"{_MARK}previous data, dropped by the next run if not before"
_LONGEST_NAME = 63
_TRIES = 2
"""How often the swap is tried where a session slips in; each waits five seconds at most (the server's own limit)."""
_LOCALES = {"i": "ICU_LOCALE", "b": "BUILTIN_LOCALE"}
"""By pg_database.datlocprovider; with libc the locale is LC_COLLATE and LC_CTYPE alone."""

_DATABASE = """
SELECT pg_catalog.to_jsonb(d), pg_catalog.pg_get_userbyid(d.datdba), pg_catalog.pg_encoding_to_char(d.encoding),
       t.spcname, pg_catalog.shobj_description(d.oid, 'pg_database')
FROM pg_catalog.pg_database d JOIN pg_catalog.pg_tablespace t ON t.oid = d.dattablespace WHERE d.datname = %s
"""
_ACL = """
SELECT CASE a.grantee WHEN 0 THEN NULL ELSE pg_catalog.pg_get_userbyid(a.grantee) END, a.privilege_type,
       pg_catalog.bool_or(a.is_grantable)
FROM pg_catalog.pg_database d,
     LATERAL pg_catalog.aclexplode(coalesce(d.datacl, pg_catalog.acldefault('d', d.datdba))) a
WHERE d.datname = %s GROUP BY 1, 2 ORDER BY 1, 2
"""
_IS_OURS = """
SELECT d.datname FROM pg_catalog.pg_database d
WHERE d.datname = %(name)s AND pg_catalog.pg_has_role(d.datdba, 'USAGE')
  AND (pg_catalog.starts_with(pg_catalog.shobj_description(d.oid, 'pg_database'), %(mark)s)
       OR NOT d.datallowconn AND d.datconnlimit = 1 AND pg_catalog.shobj_description(d.oid, 'pg_database') IS NULL)
"""
# Autovacuum's workers, who have no role, are ended by the rename itself. Of what kind a session
# is, not everybody may see.
# Materialised: in a WHERE the planner would be free to end a session before it has looked whose it is.
_END_SESSIONS = """
WITH there AS MATERIALIZED (
    SELECT a.pid FROM pg_catalog.pg_stat_activity a
    WHERE a.datname = %s AND a.pid <> pg_catalog.pg_backend_pid() AND a.usesysid IS NOT NULL
)
SELECT pid, pg_catalog.pg_terminate_backend(pid) FROM there
"""


@dataclass(frozen=True, slots=True)
class Names:
    """The target's name, and those of the databases beside it."""

    target: str
    new: str
    old: str

    @classmethod
    def of(cls, target: str) -> Names:
        """The names that belong to a target, 63 bytes at most each."""
        return cls(target, _suffixed(target, "_dmrefresh_new"), _suffixed(target, "_dmrefresh_old"))


def _suffixed(name: str, suffix: str) -> str:
    if len((name + suffix).encode()) <= _LONGEST_NAME:
        return name + suffix
    suffix = f"_{hashlib.sha256(name.encode()).hexdigest()[:12]}{suffix}"
    return name.encode()[: _LONGEST_NAME - len(suffix)].decode(errors="ignore") + suffix


def refuse_taken(connection: Connection, names: Names) -> None:
    """Raises TargetUnfit where a database of somebody else's has a name that the swap needs."""
    for name in (names.new, names.old):
        if _exists(connection, name) and not _is_ours(connection, name):
            raise TargetUnfit(
                f"The server has a database {name} of somebody else's, whose name the swap needs.", hint="rename it"
            )


def sweep(connection: Connection, names: Names) -> None:
    """Drop what a run that was broken off, or could not drop it, has left.

    Raises:
        TargetBusy: it cannot be dropped yet.
        TargetUnfit: a name is taken by somebody else's.
    """
    refuse_taken(connection, names)
    drop_new(connection, names)
    if drop_old(connection, names):
        raise TargetBusy(
            f"The previous data in the database {names.old} cannot be dropped yet: something still uses it.",
            hint=f"see what holds {names.old}; then run it again",
        )


def drop_new(connection: Connection, names: Names) -> None:
    """Drop the database that was being loaded, if there is one of ours.

    Raises:
        psycopg.Error: the server refuses.
    """
    if _is_ours(connection, names.new):
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(names.new)))


def drop_old(connection: Connection, names: Names) -> bool:
    """Drop the database that was the target before; whether it is still there.

    Nothing of anybody's goes along: with a replication slot or a prepared transaction it stays.
    """
    if not _is_ours(connection, names.old):
        return False
    held = connection.execute(
        "SELECT EXISTS (SELECT FROM pg_catalog.pg_replication_slots WHERE database = %(name)s) "
        "OR EXISTS (SELECT FROM pg_catalog.pg_prepared_xacts WHERE database = %(name)s)",
        {"name": names.old},
    ).fetchone()
    if held is None or held[0]:
        return True
    try:
        connection.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(names.old)))
    except psycopg.Error:
        if connection.broken:
            raise
        return True
    return False


def create(connection: Connection, names: Names, sessions: int) -> None:
    """Make the database to load, empty, with the target's owner, encoding, collation and tablespace.

    Nobody but so many sessions of the owner's roles are let in: CONNECT is revoked from everybody else.

    Args:
        connection: the session on the maintenance database that holds the lock.
        names: the target's and the new one's.
        sessions: how many load it; they come at once and stay to the end.

    Raises:
        psycopg.Error: the server refuses.
    """
    facts, owner, encoding, tablespace, _ = _described(connection, names.target)
    provider = facts["datlocprovider"]
    options = [
        sql.SQL("OWNER {}").format(sql.Identifier(owner)),
        sql.SQL("ENCODING {}").format(encoding),
        sql.SQL("LOCALE_PROVIDER {}").format(sql.Identifier({"i": "icu", "b": "builtin"}.get(provider, "libc"))),
        sql.SQL("LC_COLLATE {}").format(facts["datcollate"]),
        sql.SQL("LC_CTYPE {}").format(facts["datctype"]),
    ]
    if tablespace != "pg_default":  # to name that one, as it is without, takes a right that nobody has
        options.append(sql.SQL("TABLESPACE {}").format(sql.Identifier(tablespace)))
    if provider in _LOCALES:
        locale = facts.get("datlocale") or facts.get("daticulocale")  # renamed in 17
        options.append(sql.SQL(f"{_LOCALES[provider]} {{}}").format(locale))
    if facts.get("daticurules"):
        options.append(sql.SQL("ICU_RULES {}").format(facts["daticurules"]))
    new = sql.Identifier(names.new)
    connection.execute(
        sql.SQL("CREATE DATABASE {} TEMPLATE template0 ALLOW_CONNECTIONS false CONNECTION LIMIT 1 {}").format(
            new, sql.SQL(" ").join(options)
        )
    )
    connection.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(new, _MADE))
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(new))
    opened = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true CONNECTION LIMIT {}")
    connection.execute(opened.format(new, sql.Literal(sessions)))


def swap(connection: Connection, ender: Connection, url: str, names: Names, observer: Observer) -> Disconnected:
    """Put the new database in the target's place: both renames, rights and comment in one transaction.

    The rename takes a lock that every new session of the target has to wait for, and waits until nobody is in it any
    more; meanwhile those who are there are ended. The target is never closed in a way that outlives the transaction:
    whatever breaks off here, the server rolls back, and those who wait are let into the old data.

    Args:
        connection: the session on the maintenance database that holds the lock.
        ender: another session there, which ends the target's sessions.
        url: of the maintenance database, where to ask if the connection is lost during the commit.
        names: the target's and the others.
        observer: is told of the step `renamed`, just before the commit.

    Returns:
        what the target's sessions noticed.

    Raises:
        TargetBusy: the target's sessions could not be ended; nothing was published.
        RightsMissing: the role may not end them.
        CommitInDoubt: nobody knows whether it is done.
    """
    for _ in range(_TRIES):
        try:
            return _swap(connection, ender, url, names, observer)
        except (psycopg.errors.ObjectInUse, psycopg.errors.LockNotAvailable):
            connection.execute("ROLLBACK")
    raise TargetBusy(
        "Sessions on the target could not be ended, so the new data could not take its place.",
        hint="see who is connected to it (pg_stat_activity), then run it again",
    )


def _swap(connection: Connection, ender: Connection, url: str, names: Names, observer: Observer) -> Disconnected:
    connection.execute("BEGIN")
    lock.refuse_lost(connection, lock.of_database(names.target))
    xid = commits.transaction_id(connection)
    _dress(connection, names)
    began = time.monotonic()
    ended: set[int] = set()
    with ThreadPoolExecutor(max_workers=1) as other:
        renaming = other.submit(_rename, connection, names.target, names.old)
        try:
            _end_sessions(ender, names.target, renaming, ended)
        except BaseException:
            connection.cancel_safe()
            wait([renaming])
            raise
        renaming.result()
    _rename(connection, names.new, names.target)
    old = sql.Identifier(names.old)
    connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(old))
    connection.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(old, _PREVIOUS))
    observer.step("renamed")
    commits.commit(connection, url, xid)
    return Disconnected(round(time.monotonic() - began, 3), len(ended))


def _end_sessions(ender: Connection, target: str, renaming: Future[None], ended: set[int]) -> None:
    while not renaming.done():
        ended |= {pid for pid, _ in ender.execute(_END_SESSIONS, (target,))}
        wait([renaming], timeout=0.02)


def _dress(connection: Connection, names: Names) -> None:
    """Give the new database the target's rights, comment and connection limit, as they are now."""
    facts, owner, _, _, comment = _described(connection, names.target)
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
    limit = sql.Literal(facts["datconnlimit"])
    connection.execute(sql.SQL("ALTER DATABASE {} CONNECTION LIMIT {}").format(new, limit))
    connection.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(new, sql.Literal(comment)))


def _rename(connection: Connection, old: str, new: str) -> None:
    connection.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(old), sql.Identifier(new)))


def _described(connection: Connection, name: str) -> tuple[dict[str, Any], str, str, str, str | None]:
    """A database's row of pg_database, its owner, encoding, tablespace and comment."""
    row = connection.execute(_DATABASE, (name,)).fetchone()
    if row is None:
        raise TargetBusy(f"There is no database {name} any more.", hint="look who else is at it")
    facts, owner, encoding, tablespace, comment = row
    return facts, owner, encoding, tablespace, comment


def _exists(connection: Connection, name: str) -> bool:
    row = connection.execute("SELECT FROM pg_catalog.pg_database WHERE datname = %s", (name,))
    return row.rowcount > 0


def _is_ours(connection: Connection, name: str) -> bool:
    return connection.execute(_IS_OURS, {"name": name, "mark": _MARK}).rowcount > 0


def wait_until_left(connection: Connection, name: str, patience: float = 5.0) -> None:
    """Wait until the last session has left a database; ours ends a moment after its connection is closed."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if not connection.execute("SELECT FROM pg_catalog.pg_stat_activity WHERE datname = %s", (name,)).rowcount:
            return
        time.sleep(0.02)


def clear(connection: Connection, names: Names, observer: Observer) -> list[str]:
    """Drop the previous data after the swap; what prevents it is left to the next run, and said."""
    try:
        with translated("while the previous data was dropped"):
            remaining = [names.old] if drop_old(connection, names) else []
    except Failure:
        remaining = [names.old]
    if remaining:
        observer.warn(f"the database {names.old} could not be dropped yet; the next run will try again.")
    return remaining
