"""The way back: what was kept takes its place again, as it was, and nobody who reads notices more than that."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg
import pytest

from dmrefresh.errors import Busy, Failure, RightsMissing, TargetUnfit, TargetUnreachable
from dmrefresh.machine import signals
from dmrefresh.observer import Observer
from dmrefresh.postgres import guard, lock, state
from dmrefresh.postgres.reach import connect
from dmrefresh.postgres.receipt import Receipt
from dmrefresh.postgres.strategies.rollback import rollback as put_back
from dmrefresh.settings.model import Production
from fixtures.parts.postgres import installed_majors
from tests.postgres.databases import Database
from tests.postgres.keeping import Heard, dump_with, refresh, rollback, state_of
from tests.proxy import Proxy

MakeDatabase = Callable[[int], Database]

SCHEMA = (
    "CREATE TYPE mood AS ENUM ('sad', 'glad')",
    "CREATE DOMAIN percent AS integer CHECK (VALUE BETWEEN 0 AND 100)",
    "CREATE TYPE point2 AS (x integer, y integer)",
    "CREATE TYPE unused AS ENUM ('a')",
    "CREATE TABLE person (id serial PRIMARY KEY, name text NOT NULL, mood mood DEFAULT 'sad', done percent, at point2)",
    "CREATE VIEW glad AS SELECT name FROM person WHERE mood = 'glad'",
    "CREATE FUNCTION how_many() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM public.person'",
    "CREATE SCHEMA other",
    "CREATE TABLE other.thing (id integer PRIMARY KEY, mood public.mood)",
)
ROWS = (
    "INSERT INTO person (name, mood, done, at) SELECT '{0}', 'glad', 50, ROW(1, 2)::point2 FROM generate_series(1, 10)",
    "INSERT INTO other.thing SELECT i, 'sad' FROM generate_series(1, 3) i",
)


def filled(name: str) -> tuple[str, ...]:
    return (*SCHEMA, *(row.format(name) for row in ROWS))


@pytest.fixture
def source(database: MakeDatabase) -> Database:
    return database(installed_majors()[0])


@pytest.fixture
def old(source: Database, tmp_path: Path) -> bytes:
    return dump_with(source, tmp_path, *filled("old"))


@pytest.fixture
def new(source: Database, old: bytes, tmp_path: Path) -> bytes:
    """The same types, other rows, a table and a schema more."""
    return dump_with(
        source,
        tmp_path,
        "UPDATE person SET name = 'new'",
        "INSERT INTO person (name) VALUES ('one more')",
        "CREATE TABLE only_new (id integer)",
        "CREATE SCHEMA newer",
        "CREATE TABLE newer.thing (id integer, mood mood)",
    )


@pytest.fixture
def target(database: MakeDatabase, old: bytes) -> Database:
    made = database(18)
    refresh(old, made)
    return made


@pytest.mark.parametrize("major", [15, 16, 18])
def test_everything_is_back_as_it_was_its_identity_rights_and_comments_included(
    database: MakeDatabase, old: bytes, new: bytes, major: int
) -> None:
    target = database(major)
    role = f"{target.name}_reader"
    target.run(f'CREATE ROLE "{role}"', superuser=True)
    try:
        refresh(old, target)
        target.run(
            f'GRANT SELECT ON person TO "{role}"',
            f'GRANT USAGE ON SCHEMA other TO "{role}"',
            f'ALTER DEFAULT PRIVILEGES IN SCHEMA other GRANT SELECT ON TABLES TO "{role}"',
            "COMMENT ON SCHEMA public IS E'ours: \"it\\'s\"\\nour own'",
            "INSERT INTO person (name) VALUES ('written after the refresh')",
        )
        before = state_of(target, "other", "newer")
        published = refresh(new, target)
        assert published.kept_until is not None
        target.run("COMMENT ON SCHEMA public IS 'of the new data'", f'REVOKE ALL ON person FROM "{role}"')
        assert target.run("SELECT count(*) FROM only_new") == [(0,)]

        back = rollback(target)
        assert state_of(target, "other", "newer") == before
        assert back.types == 4
        assert back.still_there == []
        assert target.run("SELECT how_many(), (SELECT count(*) FROM glad)") == [(11, 10)]
        assert target.run("INSERT INTO person (name) VALUES ('goes on') RETURNING id") == [(12,)]
        assert target.run("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'dmrefresh\\_%'") == []
    finally:
        target.run(f'DROP OWNED BY "{role}"', f'DROP ROLE "{role}"', superuser=True)


def test_the_receipt_says_what_is_back_and_the_next_refresh_keeps_it_again(
    target: Database, old: bytes, new: bytes
) -> None:
    first = target.run("SELECT run, rows FROM dmrefresh.receipts")
    refresh(new, target)
    back = rollback(target)
    assert [(back.entry.run, back.entry.rows)] == first
    assert target.run("SELECT restored, rows FROM dmrefresh.receipts ORDER BY published_at DESC LIMIT 1") == first
    assert refresh(new, target).kept_until is not None
    assert rollback(target).entry.restored == first[0][0]
    assert target.run("SELECT DISTINCT name FROM person") == [("old",)]


def test_types_that_differ_stay_with_their_own_data(source: Database, target: Database, tmp_path: Path) -> None:
    before = state_of(target, "other")
    changed = dump_with(source, tmp_path, "ALTER TYPE mood ADD VALUE 'angry'", "UPDATE person SET name = 'new'")
    assert refresh(changed, target).changed_types == ["mood"]
    heard = Heard()
    with psycopg.connect(target.url, autocommit=True, prepare_threshold=0) as prepared:
        query = "SELECT count(*) FROM person WHERE mood = %s::mood"
        assert prepared.execute(query, ["glad"]).fetchone() == (10,)
        assert rollback(target, observer=heard).types == 3
        with pytest.raises(psycopg.errors.InternalError_):
            prepared.execute(query, ["glad"])
    assert heard.warnings == [
        "these types differ from before; sessions that prepared statements with them reconnect: mood"
    ]
    assert state_of(target, "other") == before


class Reader:
    """Reads again and again over one connection, with a prepared statement that has an enum parameter."""

    def __init__(self, url: str) -> None:
        self.seen: list[Any] = []
        self.error: BaseException | None = None
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.run, args=(url,))
        self.thread.start()

    def run(self, url: str) -> None:
        try:
            with psycopg.connect(url, autocommit=True, prepare_threshold=0) as connection:
                while not self.stop.is_set():
                    query = "SELECT count(*), min(name) FROM person WHERE mood = %s::mood"
                    self.seen.append(connection.execute(query, ["glad"]).fetchone())
                    self.seen.append(connection.execute("SELECT count(*), min(name) FROM glad").fetchone())
        except BaseException as error:
            self.error = error


@pytest.mark.parametrize("major", [15, 16, 18])
def test_readers_go_on_over_their_connections_and_see_the_one_or_the_other(
    database: MakeDatabase, old: bytes, new: bytes, major: int
) -> None:
    target = database(major)
    refresh(old, target)
    refresh(new, target)
    readers = [Reader(target.url) for _ in range(3)]
    time.sleep(0.3)
    rollback(target)
    time.sleep(0.3)
    for reader in readers:
        reader.stop.set()
        reader.thread.join(30)
    for reader in readers:
        assert reader.error is None
        assert reader.seen[0] == (10, "new")
        assert reader.seen[-1] == (10, "old")
        assert set(reader.seen) == {(10, "new"), (10, "old")}
        assert sum(before != after for before, after in pairwise(reader.seen)) == 1


def test_without_kept_data_it_is_refused_and_nothing_changes(target: Database, new: bytes) -> None:
    refresh(new, target, keep=None)
    before = state_of(target, "other")
    with pytest.raises(TargetUnfit, match="No previous data is kept") as caught:
        rollback(target)
    assert (caught.value.exit_code, caught.value.hint is not None) == (15, True)
    assert state_of(target, "other") == before


def test_what_was_never_refreshed_has_no_way_back(database: MakeDatabase) -> None:
    with pytest.raises(TargetUnfit, match="No previous data is kept"):
        rollback(database(16))


def test_what_has_expired_is_refused(target: Database, new: bytes) -> None:
    refresh(new, target, keep=timedelta(seconds=1))
    time.sleep(1.1)
    with pytest.raises(TargetUnfit, match="has expired"):
        rollback(target)
    assert target.run("SELECT count(*) FROM only_new") == [(0,)]


def test_a_superuser_is_refused(target: Database, new: bytes) -> None:
    refresh(new, target)
    with pytest.raises(RightsMissing, match="superuser"):
        rollback(target, url=target.superuser_url)
    slip = Receipt("run", "", "", "0")
    assert put_back(target.superuser_url, slip, allow_superuser=True).types == 4


def test_what_another_refresh_has_not_finished_is_told_as_busy_and_not_as_nothing_kept(target: Database) -> None:
    with psycopg.connect(target.url) as other:
        lock.take(other)
        with pytest.raises(Busy) as caught:
            rollback(target)
    assert caught.value.exit_code == 11


def test_another_refresh_under_way_is_waited_for_by_nobody(target: Database, new: bytes) -> None:
    refresh(new, target)
    with psycopg.connect(target.url) as other:
        lock.take(other)
        with pytest.raises(Busy):
            rollback(target)
    assert rollback(target).types == 4


@pytest.mark.parametrize("side", ["public", "dmrefresh_previous"])
def test_what_hangs_outside_on_either_side_refuses_it_by_name(target: Database, new: bytes, side: str) -> None:
    refresh(new, target)
    target.run("CREATE SCHEMA mine", f"CREATE VIEW mine.names AS SELECT name FROM {side}.person")
    before = state_of(target, "other", "newer", "mine", "dmrefresh_previous")
    with pytest.raises(TargetUnfit, match=r"view mine\.names"):
        rollback(target)
    assert state_of(target, "other", "newer", "mine", "dmrefresh_previous") == before


def test_kept_data_that_somebody_made_lean_on_the_new_is_not_put_back(target: Database, new: bytes) -> None:
    refresh(new, target)
    target.run(
        "CREATE TYPE late AS ENUM ('a')",
        "ALTER TABLE dmrefresh_previous.person ADD COLUMN late public.late",
    )
    before = state_of(target, "other", "newer", "dmrefresh_previous")
    with pytest.raises(TargetUnfit, match=r"column late of table public\.person"):
        rollback(target)
    assert state_of(target, "other", "newer", "dmrefresh_previous") == before


def test_kept_data_that_lost_a_type_with_its_columns_is_not_put_back(target: Database, new: bytes) -> None:
    refresh(new, target)
    assert state.state_of(target.url).kept
    target.run("DROP TYPE mood CASCADE")
    told = state.state_of(target.url)
    assert (told.kept, told.kept_until is not None) == (False, True)
    before = state_of(target, "other", "newer", "dmrefresh_previous")
    with pytest.raises(TargetUnfit, match="no longer what was kept"):
        rollback(target)
    assert state_of(target, "other", "newer", "dmrefresh_previous") == before


def test_what_belongs_to_others_in_the_new_data_refuses_it(target: Database, new: bytes) -> None:
    refresh(new, target)
    target.run("CREATE TABLE public.theirs (id integer)", superuser=True)
    with pytest.raises(RightsMissing, match=r"public\.theirs"):
        rollback(target)
    assert target.run("SELECT count(*) FROM only_new") == [(0,)]


def test_tables_that_only_the_new_data_has_are_named_before_they_go(target: Database, new: bytes) -> None:
    refresh(new, target)
    heard = Heard()
    rollback(target, observer=heard)
    assert [warning for warning in heard.warnings if "gone after the rollback" in warning] == [
        "not in the kept data, so gone after the rollback: newer.thing, public.only_new"
    ]


def test_what_a_session_still_reads_is_left_to_the_next_run(
    target: Database, new: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dmrefresh.postgres.reach import connect

    monkeypatch.setitem(connect._SETTINGS, "lock_timeout", ("200ms", 0))
    refresh(new, target)
    with psycopg.connect(target.url) as reader:
        reader.execute("SELECT name FROM person").fetchall()
        assert rollback(target).still_there == ["dmrefresh_previous"]
        assert reader.execute("SELECT DISTINCT name FROM person").fetchall() == [("old",)]
    with pytest.raises(TargetUnfit, match="No previous data is kept"):
        rollback(target)
    assert refresh(new, target).kept_until is not None


class At(Observer):
    """Does something at a step."""

    def __init__(self, step: str, deed: Callable[[], object]) -> None:
        self.when, self.deed = step, deed

    def step(self, name: str) -> None:
        if name == self.when:
            self.deed()


@pytest.fixture
def proxy(target: Database) -> Iterator[Proxy]:
    with Proxy(psycopg.conninfo.conninfo_to_dict(target.url)["port"]) as running:  # type: ignore[arg-type]
        yield running


def through(proxy: Proxy, target: Database) -> str:
    return f"postgresql://{target.name}@127.0.0.1:{proxy.port}/{target.name}"


@pytest.mark.parametrize("step", ["begun", "checked", "committing"])
def test_a_connection_lost_before_the_commit_leaves_the_new_data_and_the_way_back(
    target: Database, new: bytes, proxy: Proxy, step: str
) -> None:
    refresh(new, target)
    before = state_of(target, "other", "newer", "dmrefresh_previous")
    with pytest.raises(TargetUnreachable):
        rollback(target, url=through(proxy, target), observer=At(step, proxy.cut))
    assert state_of(target, "other", "newer", "dmrefresh_previous") == before
    assert rollback(target).types == 4


def test_a_commit_whose_answer_was_lost_is_found_out_and_done(target: Database, new: bytes, proxy: Proxy) -> None:
    refresh(new, target)

    def swallow_the_answer() -> None:
        proxy.answer = lambda number, offset, block: None if number == 0 else block

    rollback(target, url=through(proxy, target), observer=At("committing", swallow_the_answer))
    assert target.run("SELECT DISTINCT name FROM person") == [("old",)]


def test_kept_data_that_breaks_after_the_first_look_is_not_put_back(target: Database, new: bytes) -> None:
    refresh(new, target)
    with pytest.raises(TargetUnfit, match="no longer what was kept"):
        rollback(target, observer=At("begun", lambda: target.run("DROP TYPE mood CASCADE")))
    assert target.run("SELECT DISTINCT name FROM person ORDER BY 1") == [("new",), ("one more",)]


def test_production_is_refused_by_the_guard_that_is_given(target: Database, new: bytes) -> None:
    refresh(new, target)
    before = state_of(target)
    slip = Receipt("run", "", "", "0", "staging", "jo@here")
    with pytest.raises(TargetUnfit, match="name of one of production's"):
        put_back(target.url, slip, guard=guard.Guard(Production(databases=(target.name,))))
    assert state_of(target) == before


def test_a_mark_that_is_set_before_the_commit_is_heeded(target: Database, new: bytes) -> None:
    refresh(new, target)
    before = state_of(target)

    def mark() -> None:
        with connect.session(target.url) as connection:
            guard.protect(connection)

    with pytest.raises(TargetUnfit, match="marked as production"):
        rollback(target, observer=At("begun", mark))
    assert state_of(target) == before
    with pytest.raises(TargetUnfit, match="marked as production"):
        rollback(target)
    assert state_of(target) == before


def test_what_changed_after_it_was_told_of_is_not_gone_through_with(target: Database, new: bytes) -> None:
    refresh(new, target)
    replaced = ("DROP SCHEMA newer CASCADE", "CREATE SCHEMA newer", "CREATE TABLE newer.precious (id integer)")
    with pytest.raises(Busy, match="changed by somebody else"):
        rollback(target, observer=At("begun", lambda: target.run(*replaced)))
    assert target.run("SELECT count(*) FROM newer.precious") == [(0,)]


def test_a_signal_at_the_commit_hides_nothing(target: Database, new: bytes) -> None:
    refresh(new, target)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    signals.install()
    try:
        rollback(target, observer=At("committing", lambda: os.kill(os.getpid(), signal.SIGTERM)))
    finally:
        signals._State.held = False
        for number, handler in before.items():
            signal.signal(number, handler)
    assert target.run("SELECT DISTINCT name FROM person") == [("old",)]


def test_a_signal_at_a_commit_that_fails_ends_the_run(target: Database, new: bytes, proxy: Proxy) -> None:
    refresh(new, target)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    signals.install()

    def lost_and_told_to_end() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        proxy.cut()

    try:
        with pytest.raises(signals.Interrupted):
            rollback(target, url=through(proxy, target), observer=At("committing", lost_and_told_to_end))
    finally:
        signals._State.held = False
        for number, handler in before.items():
            signal.signal(number, handler)
    assert target.run("SELECT DISTINCT name FROM person ORDER BY 1") == [("new",), ("one more",)]


def test_a_session_ended_at_any_moment_is_told_as_a_failure_of_ours(
    target: Database, new: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ended before each statement in turn, until a rollback goes through."""
    refresh(new, target)
    execute, left = psycopg.Connection.execute, [0]

    def counted(self: psycopg.Connection[Any], *given: Any, **more: Any) -> Any:
        left[0] -= 1
        if left[0] == 0:
            with psycopg.connect(target.superuser_url, autocommit=True) as other:
                execute(other, "SELECT pg_terminate_backend(%s, 5000)", [self.info.backend_pid])
        return execute(self, *given, **more)

    for number in range(1, 200):
        left[0] = number
        monkeypatch.setattr(psycopg.Connection, "execute", counted)
        try:
            rollback(target)
            break
        except TargetUnreachable:
            pass
        finally:
            monkeypatch.setattr(psycopg.Connection, "execute", execute)
    assert number > 20
    assert target.run("SELECT DISTINCT name FROM person") == [("old",)]


def test_an_error_of_our_own_on_the_way_rolls_back(target: Database, new: bytes) -> None:
    refresh(new, target)
    before = state_of(target, "other", "newer", "dmrefresh_previous")

    def fail() -> None:
        raise Failure("Something else went wrong.")

    with pytest.raises(Failure, match="Something else"):
        rollback(target, observer=At("checked", fail))
    assert state_of(target, "other", "newer", "dmrefresh_previous") == before
