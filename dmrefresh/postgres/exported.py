"""A snapshot of a database that is backed up, and what the database says about itself in that moment.

Nothing is written: the transaction is READ ONLY, and whoever dumps with its snapshot sees what it sees.
https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-SNAPSHOT-SYNCHRONIZATION
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from dmrefresh import __version__
from dmrefresh.dump.judging.policy import SET_ASIDE
from dmrefresh.dump.note import Note
from dmrefresh.errors import RightsMissing
from dmrefresh.lists import listed
from dmrefresh.postgres import Connection
from dmrefresh.postgres.failures import translated
from dmrefresh.postgres.quoting import quoted
from dmrefresh.postgres.reach import connect, conninfo
from dmrefresh.postgres.reach.session_facts import major, system_identifier, version
from dmrefresh.postgres.receipt import SCHEMA
from dmrefresh.postgres.unique_columns import unique_columns

LEFT_OUT = (
    f"--exclude-schema={SCHEMA}",
    *(f"--exclude-schema={name}*" for name in SET_ASIDE),
)
"""For pg_dump: receipts, and the previous data that a refreshed database may keep, are about that database alone."""

_CALLED = "source"

# pg_dump locks every table and reads every sequence; what extensions bring along is theirs.
_UNREADABLE = """
SELECT n.nspname, c.relname
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'S') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND n.nspname <> %(ours)s AND n.nspname !~ %(aside)s
  AND NOT EXISTS (SELECT FROM pg_depend d
                  WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
  AND (NOT has_schema_privilege(n.oid, 'USAGE')
       OR NOT CASE c.relkind WHEN 'S' THEN has_sequence_privilege(c.oid, 'SELECT')
                             ELSE has_table_privilege(c.oid, 'SELECT') END
       OR (c.relkind <> 'S' AND row_security_active(c.oid)))
ORDER BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class Exported:
    """A database as it was in one moment, which can be dumped for as long as the block runs.

    Attributes:
        snapshot: for pg_dump's --snapshot.
        login: how another program gets in, by libpq's keywords, password included.
        major: the server's major version.
        encoding: the database's own.
        note: what the database says about itself.
        standby: whether the server is one, which has no rows of unlogged tables.
    """

    snapshot: str
    login: dict[str, str] = field(repr=False)
    major: int
    encoding: str
    note: Note
    standby: bool


@contextmanager
def exported(url: str, name: str) -> Iterator[Exported]:
    """Hold a snapshot for the length of the block; the server may be a standby.

    Args:
        url: of the database.
        name: what the backup will be called.

    Raises:
        TargetUnreachable: the database does not answer.
        RightsMissing: the role may not read all of it.
    """
    with connect.session(url, "dmrefresh backup", called=_CALLED) as connection:
        with translated("while the database was looked at", called=_CALLED):
            identifier = system_identifier(connection) or 0
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            snapshot, database, standby = connection.execute(
                "SELECT pg_export_snapshot(), current_database(), pg_is_in_recovery()"
            ).fetchall()[0]
            _refuse_unreadable(connection)
            columns, rows = unique_columns(connection)
            login = _login(connection)
        note = Note(
            unique={table: tuple(sorted(names)) for table, names in columns.items()},
            rows=rows,
            name=name,
            version=__version__,
            system_identifier=identifier,
            database=database,
            server_version=version(connection),
        )
        encoding = connection.info.parameter_status("server_encoding") or ""
        yield Exported(snapshot, login, major(connection), encoding, note, standby)


def size(url: str) -> int:
    """How large a database is on its server's disk, in bytes; its dump is another size, mostly a smaller one.

    Raises:
        TargetUnreachable: the database does not answer.
    """
    with (
        connect.session(url, "dmrefresh backup", called=_CALLED) as connection,
        translated("while the database was looked at", called=_CALLED),
    ):
        ((bytes_,),) = connection.execute("SELECT pg_database_size(current_database())").fetchall()
    return int(bytes_)


def _login(connection: Connection) -> dict[str, str]:
    """How pg_dump gets in; it writes strings as its session reads them, and we read them in one way alone."""
    login = conninfo.used(connection)
    told = "SELECT reset_val FROM pg_settings WHERE name = 'standard_conforming_strings'"
    if connection.execute(told).fetchall() == [("off",)]:
        login["options"] = f"{login.get('options', '')} -c standard_conforming_strings=on".strip()
    return login


def _refuse_unreadable(connection: Connection) -> None:
    """pg_dump would end at the first of them, and say so where nobody listens."""
    found = connection.execute(_UNREADABLE, {"ours": SCHEMA, "aside": f"^({'|'.join(SET_ASIDE)})"}).fetchall()
    if not found:
        return
    names = [table if schema == "public" else f"{schema}.{table}" for schema, table in found]
    (role,) = quoted(connection, connection.info.user)
    raise RightsMissing(
        f"The source's role may not read all rows of {listed(names)}.",
        hint=f"as an administrator: GRANT pg_read_all_data TO {role}; where a table has row security, "
        f"ALTER ROLE {role} BYPASSRLS as well",
    )
