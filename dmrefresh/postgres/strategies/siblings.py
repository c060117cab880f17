"""The databases beside the target: the one that is loaded, and the one that was the target before.

Their names are the target's with a suffix; whoever holds the target's lock in the maintenance database may make and
drop them. Each is told from a database of somebody else's by its comment. One that is being made lets nobody in until
it has its comment, so that a run that dies in between leaves what the next one knows for its own.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from dmrefresh.errors import Failure, TargetBusy, TargetUnfit
from dmrefresh.observer import Observer
from dmrefresh.postgres import Connection
from dmrefresh.postgres.failures import translated
from dmrefresh.postgres_facts import LONGEST_NAME

_MARK = "dmrefresh: "
_MADE = f"{_MARK}new data on its way, dropped by the next run if it was broken off"
PREVIOUS = f"{_MARK}previous data, dropped by the next run if not before"
_LOCALES = {"i": "ICU_LOCALE", "b": "BUILTIN_LOCALE"}
"""By pg_database.datlocprovider; with libc the locale is LC_COLLATE and LC_CTYPE alone."""

_DATABASE = """
SELECT pg_catalog.to_jsonb(d), pg_catalog.pg_get_userbyid(d.datdba), pg_catalog.pg_encoding_to_char(d.encoding),
       t.spcname, pg_catalog.shobj_description(d.oid, 'pg_database')
FROM pg_catalog.pg_database d JOIN pg_catalog.pg_tablespace t ON t.oid = d.dattablespace WHERE d.datname = %s
"""
_IS_OURS = """
SELECT d.datname FROM pg_catalog.pg_database d
WHERE d.datname = %(name)s AND pg_catalog.pg_has_role(d.datdba, 'USAGE')
  AND (pg_catalog.starts_with(pg_catalog.shobj_description(d.oid, 'pg_database'), %(mark)s)
       OR NOT d.datallowconn AND d.datconnlimit = 1 AND pg_catalog.shobj_description(d.oid, 'pg_database') IS NULL)
"""


# Autovacuum, which has no role, is ended by the rename itself.
_SESSIONS = "SELECT FROM pg_catalog.pg_stat_activity WHERE datname = %s AND usesysid IS NOT NULL"


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
    if len((name + suffix).encode()) <= LONGEST_NAME:
        return name + suffix
    suffix = f"_{hashlib.sha256(name.encode()).hexdigest()[:12]}{suffix}"
    return name.encode()[: LONGEST_NAME - len(suffix)].decode(errors="ignore") + suffix


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
    facts, owner, encoding, tablespace, _ = described(connection, names.target)
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


def described(connection: Connection, name: str) -> tuple[dict[str, Any], str, str, str, str | None]:
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
        if not connection.execute(_SESSIONS, (name,)).rowcount:
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
