"""The databases that are backed up: reached, read to their last table, with a pg_dump of their version."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from dmrefresh.bucket.presigned import LIMIT, SHRINKS
from dmrefresh.errors import RightsMissing
from dmrefresh.jobs.doctor.checking import Check, Once, Said
from dmrefresh.lists import listed
from dmrefresh.machine.postgres_programs import find_pg_dump
from dmrefresh.postgres import Connection
from dmrefresh.postgres.failures import translated
from dmrefresh.postgres.guard import is_marked
from dmrefresh.postgres.reach import connect, session_facts
from dmrefresh.postgres.reach.reaching import reached
from dmrefresh.report.words import size
from dmrefresh.settings.model import Settings, Source

_PATIENCE = 30.0
"""Seconds in which a tunnel must lead to a PostgreSQL."""

_NAMED = 5

# What pg_dump reads: rows of tables, the state of sequences; it locks tables whose rows it does not read as well. Row
# security it turns off, and whoever is subject to it may not.
_UNREADABLE = """
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'S') AND c.relpersistence <> 't'
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' AND n.nspname <> 'dmrefresh'
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::regclass
                  AND d.objid = c.oid AND d.deptype = 'e')
  AND (NOT pg_catalog.has_schema_privilege(n.oid, 'USAGE')
       OR NOT CASE WHEN c.relkind = 'S' THEN pg_catalog.has_sequence_privilege(c.oid, 'SELECT')
                   ELSE pg_catalog.has_table_privilege(c.oid, 'SELECT') END
       OR (c.relkind = 'r' AND pg_catalog.row_security_active(c.oid)))
ORDER BY 1
"""
_FACTS = "SELECT pg_catalog.pg_database_size(pg_catalog.current_database())"


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a source says of itself: where it is, its role and version, what of it cannot be read, its bytes."""

    place: str
    role: str
    version: str
    major: int
    superuser: bool
    unreadable: list[str]
    bytes: int
    marked: bool


class SourceOfBackups:
    """One database that is backed up.

    Args:
        settings: all of them.
        stage: what the settings call the source.
        source: where it is.
    """

    def __init__(self, settings: Settings, stage: str, source: Source) -> None:
        self._settings = settings
        self._stage = stage
        self._source = source
        self._name = f"source.{stage}"
        self._called = f"source `{stage}`"
        self._seen = Once(self._name, self._look)

    def checks(self) -> list[Check]:
        """What is looked at here."""
        found = [
            Check(self._name, self._says_where, 90),
            Check(f"{self._name}.pg_dump", self._says_pg_dump),
            Check(f"{self._name}.rights", self._says_rights),
            Check(f"{self._name}.size", self._says_size),
        ]
        if self._stage == self._settings.dumps.stage:
            found.append(Check(f"{self._name}.mark", self._says_mark))
        return found

    def _says_where(self) -> Said:
        seen = self._seen()
        return Said(f"{seen.place}, PostgreSQL {seen.version}, as {seen.role}")

    def _says_pg_dump(self) -> Said:
        program = find_pg_dump(self._seen().major, self._settings.programs.pg_dump)
        return Said(f"pg_dump {program.major}: {program.path}")

    def _says_rights(self) -> Said:
        seen = self._seen()
        if seen.unreadable:
            raise RightsMissing(
                f"The role {seen.role} may not read all that is to be backed up: {listed(seen.unreadable, _NAMED)}.",
                hint=f"GRANT pg_read_all_data TO {seen.role}, or USAGE on the schemas and SELECT on their tables and "
                "sequences; where row security is on, the role needs BYPASSRLS",
            )
        if seen.superuser:
            return Said(
                f"the role {seen.role} is a superuser, which a backup does not need",
                next="use a role that may only read: GRANT pg_read_all_data TO …",
            )
        return Said(f"the role {seen.role} may read every table and sequence")

    def _says_size(self) -> Said:
        seen = self._seen()
        if seen.bytes > SHRINKS * LIMIT:
            return Said(
                f"{size(seen.bytes)} on the server: its dump may be larger than the {size(LIMIT)} that a presigned "
                "POST takes",
                next="back it up with credentials of the job's own, which send it in parts",
            )
        return Said(f"{size(seen.bytes)} on the server; a presigned POST takes a dump of {size(LIMIT)}, compressed")

    def _says_mark(self) -> Said:
        production = self._settings.production
        if self._seen().marked:
            return Said("it carries the mark that refuses every refresh")
        if production.hosts or production.databases or production.system_identifier is not None:
            return Said("it has no mark; what [production] in the settings says refuses a refresh")
        return Said(
            "nothing tells this database from one that may be refreshed: it has no mark, and [production] is empty",
            next="as the owner of the database: dmrefresh protect URL",
        )

    def _look(self) -> _Seen:
        with self._session() as connection, translated("while it was looked at", called=self._called):
            connection.execute("SET default_transaction_read_only = on")
            info = connection.info
            row = connection.execute(_FACTS).fetchone()
            return _Seen(
                place=f"{info.dbname} on {self._host}",
                role=info.user,
                version=session_facts.version(connection),
                major=session_facts.major(connection),
                superuser=session_facts.is_superuser(connection),
                unreadable=[str(name) for (name,) in connection.execute(_UNREADABLE).fetchall()],
                bytes=0 if row is None else int(row[0]),
                marked=is_marked(connection),
            )

    @contextlib.contextmanager
    def _session(self) -> Iterator[Connection]:
        with (
            reached(self._source, self._stage, patience=_PATIENCE) as there,
            connect.session(there.url, "dmrefresh doctor", called=self._called) as connection,
        ):
            self._host = there.host
            yield connection
