"""What a backup is made of: one moment of a database, which nothing of ours changes."""

from __future__ import annotations

import time
from collections.abc import Callable

import psycopg
import pytest

from dmrefresh import __version__
from dmrefresh.dump.events import End, TableData
from dmrefresh.dump.note import Note
from dmrefresh.dump.reader import read_dump
from dmrefresh.errors import RightsMissing, TargetUnreachable
from dmrefresh.machine.postgres_programs import find_pg_dump
from dmrefresh.postgres import guard
from dmrefresh.postgres.exported import LEFT_OUT, exported, size
from dmrefresh.postgres.reach import connect
from dmrefresh.stages.pg_dump import pg_dump
from fixtures.parts.postgres import installed_majors
from tests.postgres.databases import Database

NAME = "production-202611220300.sql.gz.gpg"


def rows(blocks: bytes) -> dict[str, int]:
    found: dict[str, int] = {}
    *events, end = read_dump([blocks])
    assert isinstance(end, End)
    for event in events:
        if isinstance(event, TableData):
            found[str(event.table)] = found.get(str(event.table), 0) + event.count
    return found


@pytest.mark.parametrize("version", installed_majors())
def test_what_is_written_meanwhile_is_in_neither_the_note_nor_the_dump(
    database: Callable[[int], Database], version: int
) -> None:
    there = database(version)
    there.run("CREATE TABLE t (id int PRIMARY KEY)", "INSERT INTO t SELECT generate_series(1, 10)", "ANALYZE t")
    with exported(there.url, NAME) as found:
        there.run("INSERT INTO t VALUES (11)", "CREATE UNIQUE INDEX ON t ((id + 1), id)", "CREATE TABLE u (id int)")
        text = b"".join(pg_dump(find_pg_dump(version).path, found.login, [f"--snapshot={found.snapshot}"]))
        assert rows(text) == {"t": 10}
        assert found.major == version
        assert not found.standby
        ask = "SELECT system_identifier, current_setting('server_version') FROM pg_control_system()"
        ((identifier, said),) = there.run(ask)
        assert found.note == Note(
            unique={"t": ("id",)},
            rows={"t": 10},
            name=NAME,
            version=__version__,
            system_identifier=identifier,
            database=there.name,
            server_version=said.split(" ")[0],
        )
    assert size(there.url) > 1_000_000


def test_no_time_limit_of_a_role_or_a_database_ends_it(database: Callable[[int], Database]) -> None:
    there = database(18)
    there.run("CREATE TABLE t (id int)", "INSERT INTO t VALUES (1)")
    limits = ("statement", "idle_in_transaction_session", "idle_session", "transaction")
    there.run(*(f"ALTER DATABASE {there.name} SET {limit}_timeout = '200ms'" for limit in limits))
    with exported(there.url, NAME) as found:
        time.sleep(0.5)
        (text,) = (b"".join(pg_dump(find_pg_dump(18).path, found.login, [f"--snapshot={found.snapshot}"])),)
    assert rows(text) == {"t": 1}


def test_nothing_is_written_by_it(database: Callable[[int], Database]) -> None:
    there = database(16)
    there.run("CREATE TABLE t (id int)")
    with exported(there.url, NAME) as found:
        ask = """SELECT state, backend_xid FROM pg_stat_activity
                 WHERE application_name = 'dmrefresh backup' AND datname = current_database()"""
        # What writes has a number of its own.
        assert there.run(ask) == [("idle in transaction", None)]
        mode = f"SET TRANSACTION SNAPSHOT '{found.snapshot}'"
        with psycopg.connect(there.url) as other:
            other.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            other.execute(mode.encode())
            assert other.execute("SELECT count(*) FROM t").fetchone() == (0,)


@pytest.mark.parametrize(
    ("taken", "named"),
    [
        (("REVOKE ALL ON public.t FROM {role}",), "t"),
        (("REVOKE ALL ON SEQUENCE counter FROM {role}",), "counter"),
        (("REVOKE ALL ON SCHEMA other FROM {role}",), "other.u"),
        (("ALTER TABLE t ENABLE ROW LEVEL SECURITY", "CREATE POLICY p ON t USING (id > 1)"), "t"),
    ],
)
def test_a_role_that_may_not_read_everything_is_told_so_before_an_hour_of_dumping(
    database: Callable[[int], Database], taken: tuple[str, ...], named: str
) -> None:
    there, reader = database(16), database(16).name
    made = (
        "CREATE TABLE t (id int)",
        "CREATE SEQUENCE counter",
        "CREATE SCHEMA other",
        "CREATE TABLE other.u (id int)",
    )
    there.run(*made)
    for schema in ("public", "other"):
        there.run(f"GRANT USAGE ON SCHEMA {schema} TO {reader}")
        there.run(*(f"GRANT SELECT ON ALL {kind} IN SCHEMA {schema} TO {reader}" for kind in ("TABLES", "SEQUENCES")))
    url = there.cluster.url(there.name, reader)
    with exported(url, NAME) as found:
        options = [f"--snapshot={found.snapshot}", *LEFT_OUT]
        assert rows(b"".join(pg_dump(find_pg_dump(16).path, found.login, options))) == {"t": 0, "other.u": 0}
    there.run(*(statement.format(role=reader) for statement in taken))
    with pytest.raises(RightsMissing, match=rf"may not read all rows of {named}\."), exported(url, NAME):
        pass
    there.run(f"GRANT pg_read_all_data TO {reader}", f"ALTER ROLE {reader} BYPASSRLS", superuser=True)
    with exported(url, NAME):
        pass


def test_receipts_and_previous_data_stay_behind_and_the_mark_of_production_goes_along(
    database: Callable[[int], Database],
) -> None:
    there = database(16)
    schemas = ("dmrefresh", "dmrefresh_previous_1", "dmrefresh_superseded_1", "dmrefreshing")
    there.run(*(f"CREATE SCHEMA {one}; CREATE TABLE {one}.t (id int)" for one in schemas))
    with connect.session(there.url) as connection:
        guard.protect(connection)
    with exported(there.url, NAME) as found:
        options = [f"--snapshot={found.snapshot}", *LEFT_OUT]
        text = b"".join(pg_dump(find_pg_dump(16).path, found.login, options))
    assert rows(text) == {"dmrefreshing.t": 0}
    assert b"CREATE PUBLICATION dmrefresh_protected" in text


def test_a_role_that_may_not_ask_for_the_servers_identifier_makes_a_backup_without(
    database: Callable[[int], Database],
) -> None:
    there = database(15)
    take = "{} EXECUTE ON FUNCTION pg_control_system() {} public"
    there.run(take.format("REVOKE", "FROM"), superuser=True)
    try:
        with exported(there.url, NAME) as found:
            assert found.note.system_identifier == 0
    finally:
        there.run(take.format("GRANT", "TO"), superuser=True)


def test_a_database_that_does_not_answer_is_the_source_in_what_is_said(database: Callable[[int], Database]) -> None:
    there = database(16)
    with (
        pytest.raises(TargetUnreachable, match=r"^The source nowhere on 127\.0\.0\.1"),
        exported(there.url.replace(f"/{there.name}", "/nowhere"), NAME),
    ):
        pass
