from __future__ import annotations

import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from dmrefresh.errors import Busy, TargetBusy, TargetUnfit
from dmrefresh.postgres import lock, moved_aside
from dmrefresh.postgres.reach import connect
from dmrefresh.postgres.receipt import Receipt
from dmrefresh.postgres.strategies import dropping
from dmrefresh.postgres.strategies.rollback import rollback
from tests.postgres import keeping
from tests.postgres.databases import Database, dump_of, refresh
from tests.postgres.keeping import WEEK, Heard

MakeDatabase = Callable[[int], Database]
SMALL = "CREATE TABLE person (id integer PRIMARY KEY, name text); INSERT INTO person VALUES (1, '{}')"
PREVIOUS = "SELECT count(*) FROM pg_namespace WHERE nspname = 'dmrefresh_previous'"


@pytest.fixture
def dump(database: MakeDatabase, tmp_path: Path) -> bytes:
    source = database(18)
    source.run(SMALL.format("new"))
    return dump_of(source, tmp_path)


@pytest.fixture
def target(database: MakeDatabase, monkeypatch: pytest.MonkeyPatch) -> Database:
    monkeypatch.setitem(connect._SETTINGS, "lock_timeout", ("200ms", 0))
    made = database(18)
    made.run(SMALL.format("old"))
    return made


def test_the_previous_data_is_dropped_after_the_swap(target: Database, dump: bytes) -> None:
    assert refresh(dump, target).still_there == []
    assert target.run(PREVIOUS) == [(0,)]


def test_what_a_session_still_reads_is_left_to_the_next_run(target: Database, dump: bytes) -> None:
    with psycopg.connect(target.url) as reader:
        assert reader.execute("SELECT name FROM person").fetchone() == ("old",)  # holds a lock on the old table
        assert refresh(dump, target).still_there == ["dmrefresh_previous"]
        assert reader.execute("SELECT name FROM person").fetchone() == ("new",)
    assert target.run(PREVIOUS) == [(1,)]
    assert refresh(dump, target).still_there == []
    assert target.run(PREVIOUS) == [(0,)]


def test_if_it_still_cannot_be_dropped_the_next_run_says_so_and_touches_nothing(target: Database, dump: bytes) -> None:
    with psycopg.connect(target.url) as reader:
        reader.execute("SELECT name FROM person").fetchone()
        refresh(dump, target)
        with pytest.raises(TargetBusy, match="dmrefresh_previous") as caught:
            refresh(dump, target)
        assert (caught.value.exit_code, caught.value.retry) == (21, False)
        assert reader.execute("SELECT name FROM person").fetchone() == ("new",)


def test_a_schema_of_that_name_that_is_not_ours_is_left_alone(target: Database, dump: bytes) -> None:
    target.run("CREATE SCHEMA dmrefresh_previous", "CREATE TABLE dmrefresh_previous.precious AS SELECT 1 AS one")
    with pytest.raises(TargetUnfit, match="dmrefresh_previous"):
        refresh(dump, target)
    assert target.run("SELECT one FROM dmrefresh_previous.precious") == [(1,)]
    assert target.run("SELECT name FROM person") == [("old",)]


def test_what_somebody_hung_on_it_meanwhile_is_not_dropped_along(target: Database, dump: bytes) -> None:
    with psycopg.connect(target.url) as reader:
        reader.execute("SELECT name FROM person").fetchone()
        refresh(dump, target)
    target.run("CREATE SCHEMA other", "CREATE VIEW other.old AS SELECT name FROM dmrefresh_previous.person")
    with connect.session(target.url) as connection:
        assert dropping.drop(connection) == ["dmrefresh_previous"]
    assert target.run("SELECT name FROM other.old") == [("old",)]


def test_more_tables_than_go_into_one_batch_are_dropped_all_the_same(target: Database, dump: bytes) -> None:
    target.run(
        "CREATE TABLE root (id integer PRIMARY KEY)",
        "DO $$ BEGIN FOR i IN 1..120 LOOP "
        "EXECUTE format('CREATE TABLE t%s (id serial PRIMARY KEY, r integer REFERENCES root)', i); END LOOP; END $$",
    )
    assert refresh(dump, target).still_there == []
    assert target.run(PREVIOUS) == [(0,)]


KEPT = "SELECT name FROM dmrefresh_previous.person"
SUPERSEDED = "SELECT count(*) FROM pg_namespace WHERE nspname = 'dmrefresh_superseded'"
COMMENT = "SELECT obj_description('dmrefresh_previous'::regnamespace, 'pg_namespace')"


@pytest.mark.parametrize("major", [15, 16, 18])
def test_kept_data_stays_with_the_time_it_expires_in_receipt_and_comment(
    database: MakeDatabase, dump: bytes, major: int
) -> None:
    target = database(major)
    keeping.refresh(dump, target)
    published = keeping.refresh(dump, target)
    assert published.kept_until is not None
    assert timedelta(0) < WEEK - (published.kept_until - datetime.now(UTC)) < timedelta(minutes=5)
    noted = target.run("SELECT kept_until FROM dmrefresh.receipts ORDER BY published_at")
    assert noted == [(None,), (published.kept_until,)]
    assert published.kept_until.isoformat() in target.run(COMMENT)[0][0]
    assert target.run(KEPT) == [("new",)]


def test_data_without_a_receipt_is_never_kept_and_a_warning_says_why(target: Database, dump: bytes) -> None:
    heard = Heard()
    assert keeping.refresh(dump, target, observer=heard).kept_until is None
    assert any("not kept for a rollback: it carries no receipt" in warning for warning in heard.warnings)
    assert target.run(PREVIOUS) == [(0,)]


@pytest.mark.parametrize(
    "replacement",
    [
        ["DROP SCHEMA public CASCADE", "CREATE SCHEMA public", "CREATE TABLE person (id integer, name text)"],
        ["DROP TABLE person", "CREATE TABLE person (id integer, name text)"],
    ],
    ids=["schema", "table"],
)
def test_data_that_took_the_place_of_ours_is_never_kept(
    database: MakeDatabase, dump: bytes, replacement: list[str]
) -> None:
    target, heard = database(18), Heard()
    keeping.refresh(dump, target)
    target.run(*replacement, "INSERT INTO person VALUES (1, 'raw')")
    assert keeping.refresh(dump, target, observer=heard).kept_until is None
    assert any("public is not what was published last" in warning for warning in heard.warnings)
    assert target.run(PREVIOUS) == [(0,)]


def test_data_that_a_migration_added_to_is_still_ours(database: MakeDatabase, dump: bytes) -> None:
    target = database(18)
    keeping.refresh(dump, target)
    target.run("CREATE TABLE added (id integer)", "ALTER TABLE person ADD COLUMN age integer")
    assert keeping.refresh(dump, target).kept_until is not None


def test_a_receipt_of_an_earlier_version_is_none_to_keep_by(database: MakeDatabase, dump: bytes) -> None:
    target, heard = database(18), Heard()
    keeping.refresh(dump, target)
    target.run("ALTER TABLE dmrefresh.receipts DROP COLUMN contents, DROP COLUMN kept_until, DROP COLUMN restored")
    assert keeping.refresh(dump, target, observer=heard).kept_until is None
    assert any("of an earlier version" in warning for warning in heard.warnings)
    assert keeping.refresh(dump, target).kept_until is not None


def test_types_with_casts_which_the_new_data_takes_over_keep_nothing(database: MakeDatabase, tmp_path: Path) -> None:
    source, target, heard = database(18), database(18), Heard()
    source.run(
        "CREATE TYPE mood AS ENUM ('sad')",
        "CREATE TABLE person (mood mood)",
        "CREATE FUNCTION as_number(mood) RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        "CREATE CAST (mood AS integer) WITH FUNCTION as_number(mood)",
    )
    text = dump_of(source, tmp_path)
    keeping.refresh(text, target)
    assert keeping.refresh(text, target, observer=heard).kept_until is None
    assert any("have casts" in warning for warning in heard.warnings)


def test_one_generation_is_kept_and_the_next_refresh_says_that_it_goes(database: MakeDatabase, dump: bytes) -> None:
    target, heard = database(18), Heard()
    keeping.refresh(dump, target)
    first = keeping.refresh(dump, target)
    target.run("UPDATE person SET name = 'changed'")
    second = keeping.refresh(dump, target, observer=heard)
    assert first.kept_until is not None
    assert [note for note in heard.notes if "makes room" in note] == [
        f"the data kept for a rollback until {first.kept_until.isoformat()} makes room for this refresh; "
        "once it is published there is no way back to it"
    ]
    assert second.kept_until is not None
    assert target.run(KEPT) == [("changed",)]
    assert target.run(SUPERSEDED) == [(0,)]


def test_a_refresh_that_keeps_nothing_drops_what_was_kept(database: MakeDatabase, dump: bytes) -> None:
    target = database(18)
    keeping.refresh(dump, target)
    keeping.refresh(dump, target)
    assert keeping.refresh(dump, target, keep=None).kept_until is None
    assert target.run(PREVIOUS) == [(0,)]


def test_clearing_up_after_somebody_elses_run_leaves_kept_data_alone(database: MakeDatabase, dump: bytes) -> None:
    target = database(18)
    keeping.refresh(dump, target)
    keeping.refresh(dump, target)
    with connect.session(target.url) as connection:
        assert dropping.drop(connection) == []
    assert target.run(KEPT) == [("new",)]


def test_kept_data_that_a_session_reads_makes_room_and_goes_once_it_is_read(
    database: MakeDatabase, dump: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connect._SETTINGS, "lock_timeout", ("200ms", 0))
    target = database(18)
    keeping.refresh(dump, target)
    keeping.refresh(dump, target)
    target.run("UPDATE person SET name = 'changed'")
    with psycopg.connect(target.url) as reader:
        reader.execute(KEPT).fetchall()
        assert keeping.refresh(dump, target).still_there == ["dmrefresh_superseded"]
        with pytest.raises(TargetBusy, match="dmrefresh_superseded") as caught:
            keeping.refresh(dump, target)
        assert caught.value.exit_code == 21
        assert target.run(KEPT) == [("changed",)]
    keeping.rollback(target)
    assert target.run("SELECT name FROM person") == [("changed",)]
    assert target.run(SUPERSEDED) == [(0,)]


def test_a_schema_whose_name_kept_data_would_get_is_left_alone_and_the_way_back_stays(
    database: MakeDatabase, dump: bytes
) -> None:
    target = database(18)
    keeping.refresh(dump, target)
    keeping.refresh(dump, target)
    target.run("CREATE SCHEMA dmrefresh_superseded", "CREATE TABLE dmrefresh_superseded.precious AS SELECT 1 AS one")
    with pytest.raises(TargetUnfit, match="dmrefresh_superseded of somebody else's"):
        keeping.refresh(dump, target)
    assert target.run("SELECT one FROM dmrefresh_superseded.precious") == [(1,)]
    assert keeping.rollback(target).entry.dump == "a dump"


def test_what_is_dropped_never_takes_along_what_is_kept(database: MakeDatabase, dump: bytes) -> None:
    target = database(18)
    keeping.refresh(dump, target)
    with psycopg.connect(target.url) as reader:
        keeping.refresh(dump, target)
        reader.execute(KEPT).fetchall()
        assert keeping.refresh(dump, target).still_there == ["dmrefresh_superseded"]
    target.run("CREATE VIEW dmrefresh_previous.leaning AS SELECT name FROM dmrefresh_superseded.person")
    with connect.session(target.url) as connection:
        assert dropping.drop(connection) == ["dmrefresh_superseded"]
    assert target.run("SELECT name FROM dmrefresh_previous.leaning") == [("new",)]


@pytest.mark.parametrize("schema", ["public", "other", "x" * 63, "ä" * 31])
def test_each_schema_has_names_of_its_own_that_the_server_does_not_cut_off(schema: str) -> None:
    names = {moved_aside.name_for(schema), moved_aside._named(moved_aside._SUPERSEDED, schema)}
    assert len(names) == 2
    assert all(len(name.encode()) <= 63 for name in names)


def test_kept_data_is_not_given_up_while_another_run_holds_the_lock(database: MakeDatabase, dump: bytes) -> None:
    target = database(18)
    keeping.refresh(dump, target)
    keeping.refresh(dump, target)
    with psycopg.connect(target.url) as other:
        lock.take(other)
        with pytest.raises(Busy):
            keeping.refresh(dump, target)
    assert keeping.rollback(target).entry.dump == "a dump"


def test_a_copy_of_the_target_in_another_database_has_no_way_back(
    database: MakeDatabase, dump: bytes, tmp_path: Path
) -> None:
    target, copy = database(18), database(18)
    keeping.refresh(dump, target)
    keeping.refresh(dump, target)
    psql = [str(copy.cluster.bin("psql")), "--no-psqlrc", "--quiet", "--dbname", copy.superuser_url]
    subprocess.run(psql, input=dump_of(target, tmp_path), capture_output=True, check=True)
    with pytest.raises(TargetUnfit, match="it is a copy"):
        rollback(copy.superuser_url, Receipt("run", "", "", "0"), allow_superuser=True)
    assert copy.run(KEPT, superuser=True) == [("new",)]
