"""The strategy `database` over several sessions: as if it were one, whatever happens in any of them."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from dmrefresh.dump.events import Event, Statement, TableData
from dmrefresh.errors import ChecksFailed, DumpDamaged, TargetUnreachable
from dmrefresh.machine import signals
from dmrefresh.observer import Observer
from dmrefresh.postgres.receipt import Receipt
from dmrefresh.postgres.strategies.publish import Published, publish
from tests.postgres.databases import Database, dump_of, events, refresh

MakeDatabase = Callable[[int], Database]
SEVERAL = 3

DATA = """
    CREATE TABLE a (id integer PRIMARY KEY, name text);
    CREATE TABLE b (id integer PRIMARY KEY, a integer REFERENCES a, name text);
    CREATE TABLE c (id integer PRIMARY KEY, b integer REFERENCES b, a integer REFERENCES a);
    CREATE INDEX a_name ON a (name);
    CREATE INDEX b_name ON b (name);
    INSERT INTO a SELECT n, '{}' FROM generate_series(1, 20000) n;
    INSERT INTO b SELECT n, n, n FROM generate_series(1, 20000) n;
    INSERT INTO c SELECT n, n, n + 1 FROM generate_series(1, 10000) n;
"""


@pytest.fixture
def target(database: MakeDatabase) -> Database:
    made = database(18)
    made.run(DATA.format("old"))
    made.run(f"ALTER ROLE {made.name} CREATEDB", superuser=True)
    return made


@pytest.fixture
def dump(database: MakeDatabase, tmp_path: Path) -> bytes:
    source = database(18)
    source.run(DATA.format("new"))
    return dump_of(source, tmp_path)


@pytest.fixture(autouse=True)
def _no_session_thread_is_left() -> Iterator[None]:
    yield
    assert [one.name for one in threading.enumerate() if one.name == "dmrefresh-session"] == []


def published(dump: bytes, target: Database, **more: Any) -> Published:
    return refresh(dump, target, strategy="database", **{"connections": SEVERAL, **more})


def holds(target: Database) -> str:
    return str(target.run("SELECT name FROM a LIMIT 1")[0][0])


def left(target: Database) -> list[str]:
    """Databases beside the target, and sessions of ours anywhere."""
    beside = target.run(f"SELECT datname FROM pg_database WHERE starts_with(datname, '{target.name}_')")
    sessions = "SELECT application_name FROM pg_stat_activity WHERE application_name LIKE 'dmrefresh%'"
    for _ in range(100):  # the server notices a moment later that a connection is closed
        if not (found := target.run(f"{sessions} AND usename = '{target.name}'", superuser=True)):
            break
        time.sleep(0.05)
    return [name for (name,) in beside + found]


def test_every_table_has_statistics_when_it_is_published(target: Database, dump: bytes) -> None:
    published(dump, target)
    known = target.run("SELECT relname, reltuples::int FROM pg_class WHERE relname IN ('a', 'b', 'c') ORDER BY 1")
    assert known == [("a", 20000), ("b", 20000), ("c", 10000)]
    columns = target.run("SELECT tablename, count(*) FROM pg_stats WHERE schemaname = 'public' GROUP BY 1 ORDER BY 1")
    assert columns == [("a", 2), ("b", 3), ("c", 3)]


BROKEN = {
    "a row in the first table": (
        b"\n7\tnew\n",
        b"\nseven\tnew\n",
        "while the rows of a were loaded.*line 7.*column id",
    ),
    "a row in the last table": (b"\n7\t7\t8\n", b"\n7\t7\n", "while the rows of c were loaded.*line 7"),
    "a key": (b"\n7\tnew\n", b"\n8\tnew\n", "ALTER TABLE ADD CONSTRAINT.*table a, constraint a_pkey|constraint a_pkey"),
    "a foreign key": (b"\n7\t7\t7\n", b"\n7\t70000\t7\n", "ALTER TABLE ADD CONSTRAINT.*constraint b_a_fkey"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_fails_in_one_session_is_what_is_said_and_ends_the_others(
    target: Database, dump: bytes, what: str
) -> None:
    good, bad, said = BROKEN[what]
    assert good in dump
    with pytest.raises(ChecksFailed, match=said):
        published(dump.replace(good, bad, 1), target)
    assert (holds(target), left(target)) == ("old", [])
    assert published(dump, target).rows == 50000
    assert holds(target) == "new"


def test_where_a_role_may_have_too_few_sessions_it_is_said_how_many_there_is_room_for(
    target: Database, dump: bytes
) -> None:
    target.run(f"ALTER ROLE {target.name} CONNECTION LIMIT 5", superuser=True)
    with pytest.raises(TargetUnreachable) as caught:
        published(dump, target)
    assert f"only 3 of {1 + SEVERAL} sessions got in" in str(caught.value.hint)
    assert (holds(target), left(target)) == ("old", [])
    published(dump, target, connections=1)
    assert holds(target) == "new"


def test_rows_that_break_off_leave_nothing(target: Database, dump: bytes) -> None:
    with pytest.raises(DumpDamaged, match="inside the rows of b"):
        published(dump[: dump.index(b"\n7\t7\t7\n")], target)
    assert (holds(target), left(target)) == ("old", [])


def ending(stream: Iterator[Event], at: Callable[[Event], bool], deed: Callable[[], object]) -> Iterator[Event]:
    """The events; before the first that `at` says, something is done."""
    done = False
    for event in stream:
        if not done and at(event):
            done = True
            deed()
        yield event


def is_rows_of(name: str) -> Callable[[Event], bool]:
    return lambda event: isinstance(event, TableData) and event.table.name == name


def is_a(kind: str) -> Callable[[Event], bool]:
    return lambda event: isinstance(event, Statement) and event.kind == kind


MOMENTS = {
    "at the second table": is_rows_of("b"),
    "at the first key": is_a("ALTER TABLE ADD CONSTRAINT"),
    "at the first index": is_a("CREATE INDEX"),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_signal_ends_every_session_in_order(target: Database, dump: bytes, moment: str) -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    signals.install()
    try:
        stream = ending(iter(events(dump)), MOMENTS[moment], lambda: os.kill(os.getpid(), signal.SIGTERM))
        with pytest.raises(signals.Interrupted):
            publish_events(stream, target)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert (holds(target), left(target)) == ("old", [])


def test_a_signal_cancels_what_a_session_is_at(target: Database, dump: bytes) -> None:
    slow = dump.replace(b"(name);", b"(md5(repeat(name, 10000000)));", 1)  # minutes of work, if nobody stops it
    assert slow != dump
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    signals.install()
    signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    try:
        with pytest.raises(signals.Interrupted):
            published(slow, target, observer=Loading(lambda: signal.setitimer(signal.ITIMER_REAL, 2.0)))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        for number, handler in before.items():
            signal.signal(number, handler)
    running = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX%md5(repeat%' AND state = 'active'"
    assert target.run(running, superuser=True) == [(0,)]
    assert (holds(target), left(target)) == ("old", [])


class Loading(Observer):
    """Does something once rows have begun to come."""

    def __init__(self, deed: Callable[[], object]) -> None:
        self.deed: Callable[[], object] | None = deed

    def progress(self, table: str, rows: int) -> None:
        if self.deed is not None:
            deed, self.deed = self.deed, None
            deed()


@pytest.mark.parametrize("which", range(1 + SEVERAL))
def test_a_session_that_an_administrator_ends_fails_the_run_and_the_next_succeeds(
    target: Database, dump: bytes, which: int
) -> None:
    def end_one() -> None:
        with psycopg.connect(target.cluster.url(), autocommit=True) as administrator:
            found = administrator.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM (SELECT pid FROM pg_stat_activity WHERE datname = %s "
                "ORDER BY backend_start OFFSET %s LIMIT 1) a",
                (f"{target.name}_dmrefresh_new", which),
            ).fetchall()
            assert found == [(True,)]

    with pytest.raises(TargetUnreachable):
        publish_events(ending(iter(events(dump)), is_rows_of("b"), end_one), target)
    assert (holds(target), left(target)) == ("old", [])
    published(dump, target)
    assert holds(target) == "new"


def test_a_key_is_made_while_another_table_has_to_wait(target: Database, dump: bytes) -> None:
    """A stranger's lock keeps the key of `a` from being made; that of `c` is made all the same."""
    seen: list[tuple[str]] = []

    def hold(held: threading.Event) -> None:
        there = target.cluster.url(f"{target.name}_dmrefresh_new")
        asked = "SELECT conname FROM pg_constraint WHERE conname ~ '^._pkey$' ORDER BY 1"
        with psycopg.connect(there, autocommit=True) as holder, psycopg.connect(there, autocommit=True) as watcher:
            holder.execute("BEGIN; LOCK TABLE public.a IN ACCESS EXCLUSIVE MODE")
            held.set()
            for _ in range(500):
                seen[:] = watcher.execute(asked).fetchall()
                if ("c_pkey",) in seen:
                    break
                time.sleep(0.01)

    def begin() -> None:
        held = threading.Event()
        threading.Thread(target=hold, args=(held,)).start()
        assert held.wait(10)

    publish_events(ending(iter(events(dump)), is_a("ALTER TABLE ADD CONSTRAINT"), begin), target)
    assert ("c_pkey",) in seen
    assert ("a_pkey",) not in seen
    assert holds(target) == "new"


def test_tables_whose_checks_read_each_other_are_not_loaded_at_once(database: MakeDatabase, tmp_path: Path) -> None:
    """Two sessions would wait for each other: each has a table, and its check wants to read the other's."""
    source, target = database(18), database(18)
    target.run(f"ALTER ROLE {target.name} CREATEDB", superuser=True)
    reads = (
        "CREATE FUNCTION reads_{0}(integer) RETURNS boolean LANGUAGE plpgsql AS "
        "'BEGIN PERFORM pg_sleep(0.3); PERFORM count(*) FROM public.{0}; RETURN true; END'"
    )
    source.run(
        reads.format("a"),
        reads.format("b"),
        "CREATE DOMAIN reading_a AS integer CHECK (reads_a(value))",
        "CREATE TABLE a (id integer CHECK (reads_b(id)))",
        "CREATE TABLE b (id reading_a)",
        "INSERT INTO a VALUES (1); INSERT INTO b VALUES (1)",
    )
    assert published(dump_of(source, tmp_path), target).rows == 2


@pytest.mark.parametrize("connections", [1, SEVERAL])
def test_rows_are_frozen(target: Database, dump: bytes, connections: int) -> None:
    published(dump, target, connections=connections)
    asked = "SELECT relname FROM pg_class WHERE relname IN ('a', 'b', 'c') AND relallvisible > 0 ORDER BY 1"
    assert target.run(asked) == [("a",), ("b",), ("c",)]


def publish_events(stream: Iterator[Event], target: Database) -> Published:
    slip = Receipt("run", "a dump", "none", "0")
    return publish(stream, target.url, lambda: slip, strategy="database", connections=SEVERAL)
