"""A refresh that fails, however and wherever, leaves the way back as it was."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from dmrefresh.errors import ChecksFailed, Failure, TargetUnreachable
from dmrefresh.observer import Observer
from fixtures.parts.postgres import installed_majors
from tests.postgres.databases import Database, dump_of
from tests.postgres.keeping import dump_with, refresh, rollback, state_of

MakeDatabase = Callable[[int], Database]

SCHEMA = (
    "CREATE TYPE mood AS ENUM ('sad', 'glad')",
    "CREATE TYPE size AS ENUM ('s', 'l')",
    "CREATE TABLE person (id serial PRIMARY KEY, name text NOT NULL, mood mood DEFAULT 'glad', size size DEFAULT 's')",
    "INSERT INTO person (name) SELECT 'old' FROM generate_series(1, 5)",
    "CREATE SCHEMA other",
    "CREATE TABLE other.thing (id integer PRIMARY KEY, mood public.mood)",
    "INSERT INTO other.thing VALUES (1, 'sad')",
)
OURS = ("other", "dmrefresh_previous", "dmrefresh_previous_other")
NAMES = "SELECT nspname FROM pg_namespace WHERE nspname ~ '^dmrefresh_' ORDER BY 1"


@pytest.fixture
def source(database: MakeDatabase) -> Database:
    return database(installed_majors()[0])


@pytest.fixture
def target(database: MakeDatabase, source: Database, tmp_path: Path) -> Database:
    """Refreshed twice, with `old` kept and `new` current; a type differs between the two, another is the same."""
    made = database(18)
    refresh(dump_with(source, tmp_path, *SCHEMA), made)
    changed = ("ALTER TYPE mood ADD VALUE 'angry'", "UPDATE person SET name = 'new'")
    refresh(dump_with(source, tmp_path, *changed), made)
    return made


@pytest.fixture
def third(source: Database, target: Database, tmp_path: Path) -> bytes:
    """A dump in which the other type differs."""
    return dump_with(
        source,
        tmp_path,
        "ALTER TYPE size ADD VALUE 'xl'",
        "UPDATE person SET name = 'third'",
    )


class At(Observer):
    """Does something at a step."""

    def __init__(self, step: str, deed: Callable[[], object]) -> None:
        self.when, self.deed = step, deed

    def step(self, name: str) -> None:
        if name == self.when:
            self.deed()


def end_sessions(target: Database) -> None:
    target.run(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()",
        superuser=True,
    )


def expect_the_way_back(target: Database) -> None:
    rollback(target)
    assert target.run("SELECT DISTINCT name, mood::text, size::text FROM person") == [("old", "glad", "s")]
    assert target.run("SELECT id, mood::text FROM other.thing") == [(1, "sad")]
    assert target.run(NAMES) == []


def test_a_row_that_is_refused(target: Database, third: bytes) -> None:
    before = state_of(target, *OURS)
    bad = third.replace(b"\tthird\tglad\ts\n", b"\tthird\tNOMOOD\ts\n", 1)
    assert bad != third
    with pytest.raises(ChecksFailed):
        refresh(bad, target)
    assert state_of(target, *OURS) == before
    expect_the_way_back(target)


@pytest.mark.parametrize("step", ["begun", "loaded", "checked", "committing"])
def test_a_session_that_is_ended(target: Database, third: bytes, step: str) -> None:
    before = state_of(target, *OURS)
    with pytest.raises(TargetUnreachable):
        refresh(third, target, observer=At(step, lambda: end_sessions(target)))
    assert state_of(target, *OURS) == before
    expect_the_way_back(target)


@pytest.mark.parametrize("step", ["begun", "checked"])
def test_a_process_that_is_killed(target: Database, third: bytes, step: str) -> None:
    before = state_of(target, *OURS)
    child = os.fork()
    if child == 0:  # nothing of the test run may go on in it
        try:
            refresh(third, target, observer=At(step, lambda: os.kill(os.getpid(), signal.SIGKILL)))
        finally:
            os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    end_sessions(target)
    assert state_of(target, *OURS) == before
    expect_the_way_back(target)


def test_one_that_succeeds_keeps_the_last_and_drops_the_one_before(target: Database, third: bytes) -> None:
    before = state_of(target)
    refresh(third, target)
    assert target.run(NAMES) == [("dmrefresh_previous",), ("dmrefresh_previous_other",)]
    assert target.run("SELECT DISTINCT name FROM dmrefresh_previous.person") == [("new",)]
    rollback(target)
    assert [row for row in state_of(target) if row[0] != "schema"] == [row for row in before if row[0] != "schema"]


def test_a_second_attempt_after_a_failed_one_publishes_and_keeps(target: Database, third: bytes) -> None:
    with pytest.raises(TargetUnreachable):
        refresh(third, target, observer=At("loaded", lambda: end_sessions(target)))
    assert refresh(third, target).kept_until is not None
    assert target.run("SELECT DISTINCT name FROM dmrefresh_previous.person") == [("new",)]


def test_rollbacks_and_refreshes_at_once_end_in_order_or_say_busy(
    target: Database, source: Database, tmp_path: Path
) -> None:
    dump = dump_of(source, tmp_path)
    strange: list[BaseException] = []

    def again(deed: Callable[[], object]) -> None:
        for _ in range(8):
            try:
                deed()
            except Failure as failure:
                if failure.exit_code not in (11, 21) and "No previous data is kept" not in failure.what:
                    strange.append(failure)
            except BaseException as error:
                strange.append(error)

    deeds = [lambda: refresh(dump, target), lambda: rollback(target), lambda: rollback(target)]
    threads = [threading.Thread(target=again, args=(deed,)) for deed in deeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert strange == []
    with psycopg.connect(target.url) as connection:
        found = connection.execute("SELECT count(*), count(DISTINCT name) FROM person").fetchone()
    assert found == (5, 1)
