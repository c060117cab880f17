from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from dmrefresh.errors import TargetBusy, TargetUnfit
from dmrefresh.postgres import connect, previous
from tests.postgres.databases import Database, dump_of, refresh

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
        assert previous.drop(connection) == ["dmrefresh_previous"]
    assert target.run("SELECT name FROM other.old") == [("old",)]


def test_more_tables_than_go_into_one_batch_are_dropped_all_the_same(target: Database, dump: bytes) -> None:
    target.run(
        "CREATE TABLE root (id integer PRIMARY KEY)",
        "DO $$ BEGIN FOR i IN 1..120 LOOP "
        "EXECUTE format('CREATE TABLE t%s (id serial PRIMARY KEY, r integer REFERENCES root)', i); END LOOP; END $$",
    )
    assert refresh(dump, target).still_there == []
    assert target.run(PREVIOUS) == [(0,)]
