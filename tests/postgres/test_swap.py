"""The moment of the swap with `database`: whatever goes wrong in it, the old data stays, whole and reachable."""

from __future__ import annotations

import time
from concurrent.futures import Future, wait
from typing import Any

import psycopg
import pytest

from dmrefresh.errors import TargetBusy, TargetUnreachable
from dmrefresh.postgres.carrying import stillness
from dmrefresh.postgres.strategies import by_database, swap
from dmrefresh.postgres.strategies.swap import Swap
from tests.postgres import test_other_schemas
from tests.postgres.databases import Database
from tests.postgres.test_other_schemas import At, assert_untouched, holds, published

major, target, dump = test_other_schemas.major, test_other_schemas.target, test_other_schemas.dump


def test_where_the_holding_session_is_lost_and_the_rename_is_quick_nothing_is_published(
    target: Database, dump: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    target.run("CREATE SCHEMA outside", "CREATE TABLE outside.t (id integer)")
    empty = Swap._empty

    def late(self: Swap, renaming: Future[None]) -> None:
        wait([renaming])
        empty(self, renaming)

    def end_it_and_write() -> None:
        ended = target.run(
            "SELECT pg_terminate_backend(l.pid, 5000) FROM pg_locks l "
            "WHERE l.relation = 'outside.t'::regclass AND l.mode = 'ShareLock'",
            superuser=True,
        )
        assert ended == [(True,)]
        target.run("INSERT INTO outside.t VALUES (1)")

    monkeypatch.setattr(Swap, "_empty", late)
    with pytest.raises(TargetUnreachable):
        published(dump, target, observer=At("committing", end_it_and_write))
    assert_untouched(target)
    assert target.run("SELECT id FROM outside.t") == [(1,)]


def test_a_publisher_that_stands_still_in_the_swap_lets_sessions_back_into_the_old_data(
    target: Database, dump: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(swap, "_STANDSTILL", "1s")
    seen: list[Any] = []

    def knock() -> None:
        with psycopg.connect(target.url, connect_timeout=30) as connection:
            seen.extend(connection.execute("SELECT name FROM person LIMIT 1").fetchall())

    with pytest.raises(TargetUnreachable):
        published(dump, target, observer=At("renamed", knock))
    assert seen == [("old",)]
    assert_untouched(target)


@pytest.mark.parametrize("step", ["checked", "committing"])
def test_a_publisher_that_stands_still_before_the_swap_lets_writers_go_on(
    target: Database, dump: bytes, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    monkeypatch.setattr(stillness, "_STANDSTILL", "1s")
    target.run("CREATE SCHEMA outside", "CREATE TABLE outside.t (id integer)")

    def write() -> None:
        target.run("SET statement_timeout = '30s'", "INSERT INTO outside.t VALUES (1)")

    with pytest.raises(TargetUnreachable):
        published(dump, target, observer=At(step, write))
    assert_untouched(target)
    assert target.run("SELECT id FROM outside.t") == [(1,)]


def test_what_was_carried_over_is_told_when_nobody_waits_for_it_any_more(target: Database, dump: bytes) -> None:
    target.run("CREATE SCHEMA outside", "CREATE TABLE outside.t (id integer)", "INSERT INTO outside.t VALUES (1)")

    def write() -> None:
        target.run("SET statement_timeout = '10s'", "INSERT INTO outside.t VALUES (2)")

    published(dump, target, observer=At("carried over with 1 rows", write))
    assert holds(target) == "new"
    assert target.run("SELECT id FROM outside.t ORDER BY id") == [(1,), (2,)]


def test_where_the_last_look_takes_longer_than_the_rename_waits_that_is_said(
    target: Database, dump: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    look, looks = by_database._check_last, []

    def look_slowly(*given: Any) -> None:
        looks.append(given)
        look(*given)
        time.sleep(6)  # the server itself waits for five

    monkeypatch.setattr(by_database, "_check_last", look_slowly)
    with pytest.raises(TargetBusy, match=r"took [67] seconds to look through"):
        published(dump, target)
    assert len(looks) == 1
    assert_untouched(target)


def test_a_superuser_who_comes_in_the_last_moment_is_named(target: Database, dump: bytes) -> None:
    there: list[psycopg.Connection[Any]] = []
    try:
        at = At("committing", lambda: there.append(psycopg.connect(target.superuser_url)))
        with pytest.raises(TargetBusy, match="superuser is connected") as busy:
            published(dump, target, observer=at)
    finally:
        for connection in there:
            connection.close()
    assert busy.value.hint
    assert_untouched(target)


def test_a_target_that_is_a_template_is_one_after_and_can_be_refreshed_again(target: Database, dump: bytes) -> None:
    target.run(f"ALTER DATABASE {target.name} IS_TEMPLATE true")
    asked = f"SELECT datname, datistemplate FROM pg_database WHERE starts_with(datname, '{target.name}')"
    try:
        for _ in range(2):
            assert published(dump, target).still_there == []
            assert (holds(target), target.run(asked)) == ("new", [(target.name, True)])
    finally:
        for name, _ in target.run(asked):
            target.run(f"ALTER DATABASE {name} IS_TEMPLATE false", superuser=True)


def test_a_server_that_knows_no_md5_is_published_to(target: Database, dump: bytes) -> None:
    target.run("CREATE SCHEMA outside", "CREATE TABLE outside.t (id integer)")
    target.run("REVOKE EXECUTE ON FUNCTION md5(text), md5(bytea) FROM PUBLIC", superuser=True)  # as FIPS has it
    published(dump, target)
    assert holds(target) == "new"
