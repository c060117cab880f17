"""Production is never a target: how it is told from one.

By a mark in the database itself, by names in the settings, and by the identifier of its server. The mark is an empty
publication: whoever owns a database can make one (tried on 15, 16 and 18; `ALTER DATABASE … SET` of a name of ours is
for superusers), everybody can see it, no refresh removes it, and since publications are left out of every refresh, a
dump of the marked database carries it nowhere. https://www.postgresql.org/docs/current/sql-createpublication.html
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from dmrefresh.dump.events import Head
from dmrefresh.dump.note import note_of
from dmrefresh.errors import TargetUnfit
from dmrefresh.observer import Observer
from dmrefresh.postgres import Connection
from dmrefresh.postgres.failures import translated
from dmrefresh.postgres.reach.server_names import address, is_local
from dmrefresh.postgres.reach.session_facts import system_identifier
from dmrefresh.settings.model import Production

MARK = "dmrefresh_protected"
"""The publication that marks a database."""

_MEANING = "This database is production: dmrefresh never publishes to it."
_IS_MARKED = "SELECT EXISTS (SELECT FROM pg_catalog.pg_publication WHERE pubname = %s)"


@dataclass(frozen=True, slots=True)
class Guard:
    """Refuses production.

    A copy of production inherits its mark, its identifier and its databases' names, so a reason in the settings lifts
    these; it never lifts a host.

    Attributes:
        production: what the settings say about it.
        not_production: why the target is none, though it looks like it.
        local: the target is taken for one on this machine, so nobody was asked whether it is meant.
    """

    production: Production = field(default_factory=Production)
    not_production: str | None = None
    local: bool = False

    def check_host(self, *names: str | None) -> None:
        """Look at where the target is, before anything is connected.

        Args:
            names: the server's names and addresses; several in one are separated by commas.

        Raises:
            TargetUnfit: one is production's.
        """
        hosts = {host for name in names for host in _hosts(name)}
        if any(_is_same(host, production) for host in hosts for production in self.production.hosts):
            raise TargetUnfit(
                "The target's host is one of production's.", hint="[production] in the settings lists it under hosts"
            )

    def check(self, connection: Connection, observer: Observer | None = None) -> None:
        """Look at the target itself; a reason that lets it pass is said as a warning.

        Args:
            connection: a session on the target, in autocommit mode.
            observer: is told of the reason, and of what could not be asked.

        Raises:
            TargetUnfit: it is production, or on another machine though taken for one on this.
        """
        observer = observer or Observer()
        self.check_host(connection.info.host, connection.info.hostaddr)
        if self.local and not is_local(connection.info.hostaddr):
            raise TargetUnfit(
                "The target was taken for one on this machine, but its host leads to another, and nobody has confirmed "
                "that.",
                hint="say in its settings where it is, by the server's own name or address",
            )
        if self.not_production is not None:
            observer.warn(f"the target is taken for no production, because: {self.not_production}")
            return
        with translated("while the target was looked at"):
            row = connection.execute("SELECT pg_catalog.current_database()").fetchone()
            database = "" if row is None else str(row[0])
            self.check_mark(connection)
            if database in self.production.databases:
                raise TargetUnfit(
                    f"The target's database has the name of one of production's, {database}.",
                    hint="[production] in the settings lists it under databases",
                )
            self._check_identifier(connection, database, observer)

    def check_mark(self, connection: Connection) -> None:
        """Look for the mark alone: asked again right before the commit, within its transaction.

        Raises:
            TargetUnfit: the database is marked as production, and no reason lifts that.
            psycopg.Error: the server does not answer.
        """
        if self.not_production is None and is_marked(connection):
            raise TargetUnfit(
                f"The target's database is marked as production (by its publication {MARK}).",
                hint="if it is only a copy, drop that publication there, "
                'or give the reason in its settings: not_production = "…"',
            )

    def check_source(self, connection: Connection, head: Head, observer: Observer) -> None:
        """Look whether the target is the very database that the dump was taken from, where its note says from which.

        Args:
            connection: a session on the target, in autocommit mode.
            head: the dump's.
            observer: is told where the target cannot be told from it.

        Raises:
            TargetUnfit: it is, and no reason lifts that.
        """
        note = note_of(head)
        if note is None or not note.system_identifier or self.not_production is not None:
            return
        with translated("while the target was looked at"):
            row = connection.execute("SELECT pg_catalog.current_database()").fetchone()
            if row is None or str(row[0]) != note.database:
                return
            found = system_identifier(connection)
        if found is None:
            observer.warn(
                "the target has the name of the database that the dump was taken from, and its server does not tell "
                "this role its identifier: that it is another one is taken on trust"
            )
        elif found == note.system_identifier:
            raise TargetUnfit(
                f"The target is the database {note.database} that the dump was taken from, or a copy of its disk.",
                hint='if it is only a copy, give the reason in the target\'s settings: not_production = "…"',
            )

    def _check_identifier(self, connection: Connection, database: str, observer: Observer) -> None:
        wanted = self.production.system_identifier
        if wanted is None or database != self.production.database:
            return
        found = system_identifier(connection)
        if found is None:
            observer.warn("the target's server does not tell this role its identifier; the database's name counts")
        if found in (wanted, None):
            raise TargetUnfit(
                f"The target is the database {database} on production's server, or on a copy of its disk.",
                hint='if it is only a copy, give the reason in the target\'s settings: not_production = "…"',
            )


def protect(connection: Connection) -> bool:
    """Mark the database as production.

    Args:
        connection: a session of a role that may create in the database; its owner may.

    Returns:
        whether it was not marked before.

    Raises:
        RightsMissing: the role may not.
    """
    with translated("while the database was marked"):
        if is_marked(connection):
            return False
        with connection.transaction():
            # The server would warn that wal_level is too low for a publication that somebody listens to.
            connection.execute("SET LOCAL client_min_messages = error")
            connection.execute(f'CREATE PUBLICATION "{MARK}"')
            connection.execute(f"COMMENT ON PUBLICATION \"{MARK}\" IS '{_MEANING}'")
    return True


def is_marked(connection: Connection) -> bool:
    """Whether the database is marked as production; any role may ask."""
    row = connection.execute(_IS_MARKED, (MARK,)).fetchone()
    return row is not None and bool(row[0])


def _hosts(names: str | None) -> Iterable[str]:
    return (name.strip().rstrip(".").lower() for name in (names or "").split(",") if name.strip())


def _is_same(host: str, production: str) -> bool:
    production = production.strip().rstrip(".").lower()
    found = address(host)
    if found is None:
        return fnmatchcase(host, production)
    if address(production) is not None:
        return found == address(production)
    try:
        return found in ipaddress.ip_network(production, strict=False)
    except ValueError:
        return fnmatchcase(host, production)
