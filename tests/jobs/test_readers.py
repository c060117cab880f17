"""The target is never offline: readers and a writer go on over the same connections."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import psycopg
import pytest

from fixtures.parts.postgres import Cluster
from tests.jobs.scene import KEEP_EVERY_ROW, Production, Scene, make_target, state_of

Work = Callable[["psycopg.Connection[tuple[Any, ...]]"], Any]


@dataclass
class Session:
    """Does the same work again and again over one connection, and notes what it saw and how long it took."""

    url: str
    work: Work
    seen: list[tuple[float, Any]] = field(default_factory=list)
    longest: float = 0.0
    error: BaseException | None = None
    stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self) -> None:
        try:
            with psycopg.connect(self.url, autocommit=True, prepare_threshold=0) as connection:
                while not self.stop.is_set():
                    began = time.monotonic()
                    seen = self.work(connection)
                    ended = time.monotonic()
                    self.longest = max(self.longest, ended - began)
                    self.seen.append((ended, seen))
                    time.sleep(0.002)
        except BaseException as error:
            self.error = error

    def end(self) -> None:
        self.stop.set()
        self.thread.join(30)


def by_role(connection: psycopg.Connection[tuple[Any, ...]]) -> Any:
    """A prepared statement with an enum parameter; says whether the rows are the old ones."""
    return connection.execute(
        "SELECT count(*), bool_or(name = 'somebody of before') FROM users WHERE role = %s::user_roles_enum",
        ["supplier"],
    ).fetchone()


def total(connection: psycopg.Connection[tuple[Any, ...]]) -> Any:
    return connection.execute("SELECT count(*), bool_or(name = 'somebody of before') FROM users").fetchone()


def joined(connection: psycopg.Connection[tuple[Any, ...]]) -> Any:
    return connection.execute(
        "SELECT count(*), bool_or(u.name = 'somebody of before') FROM users u LEFT JOIN suppliers s USING (supplier_id)"
    ).fetchone()


def in_a_transaction(connection: psycopg.Connection[tuple[Any, ...]]) -> Any:
    with connection.transaction():
        connection.execute("SELECT count(*) FROM services").fetchone()
        return total(connection)


def write(connection: psycopg.Connection[tuple[Any, ...]]) -> Any:
    done = connection.execute("UPDATE users SET logged_in_at = now() WHERE role = %s::user_roles_enum", ["supplier"])
    return done.rowcount


@pytest.mark.parametrize("major", [16, 18])
def test_readers_and_a_writer_meet_no_error_and_no_wait_and_see_old_rows_then_new(
    production: Production, scene: Scene, cluster_for: Callable[[int], Cluster], major: int
) -> None:
    if major != 18:
        scene.target_url = make_target(cluster_for(major), scene.stage)
    with psycopg.connect(scene.target_url, autocommit=True) as connection:
        connection.execute("UPDATE users SET name = 'somebody of before'")
        old = total(connection)[0]
    works: list[Work] = [by_role, total, joined, in_a_transaction, write]
    sessions = [Session(scene.target_url, work) for work in works]
    time.sleep(0.5)
    ended = scene.refresh()
    time.sleep(0.5)
    for session in sessions:
        session.end()
    assert ended.code == 0, ended.output
    new = production.users_left()
    assert old != new
    for session in sessions:
        assert session.error is None, session.work.__name__
        assert session.longest < 1.0, session.work.__name__
        assert len(session.seen) > 50
    for session in sessions[1:4]:
        kinds = [seen for _, seen in session.seen]
        assert kinds[0] == (old, True)
        assert kinds[-1] == (new, False)
        assert set(kinds) == {(old, True), (new, False)}  # never nothing, never a mixture
        assert sum(before != after for before, after in pairwise(kinds)) == 1  # once, and not back


def test_a_repeatable_read_transaction_across_the_swap_sees_the_new_rows(production: Production, scene: Scene) -> None:
    scene.ruleset = str(KEEP_EVERY_ROW)  # of what is changed after the load such a snapshot knows nothing
    with psycopg.connect(scene.target_url) as reader:
        reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        reader.execute("SELECT 1").fetchone()
        ended = scene.refresh()
        assert ended.code == 0, ended.output
        assert total(reader)[0] == production.rows["users"]


@pytest.mark.fault("98b")
def test_a_transaction_that_writes_before_and_after_the_swap_may_have_to_be_repeated(scene: Scene) -> None:
    with psycopg.connect(scene.target_url) as writer:
        writer.execute("INSERT INTO suppliers (supplier_id, name) VALUES (999999999, 'written before')")
        ended = scene.refresh()
        assert ended.code == 0, ended.output
        assert "could not be dropped yet" in ended.output  # the writer still holds the old table
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            writer.execute(
                "INSERT INTO contact_information (supplier_id, contact_name, email, personal_data_removed) "
                "VALUES (999999999, 'a', 'b', false)"
            )
    after = state_of(scene.target_url)
    assert scene.refresh().code == 0
    assert state_of(scene.target_url) != after  # new relations
    with psycopg.connect(scene.target_url) as connection:
        left = connection.execute("SELECT count(*) FROM pg_namespace WHERE nspname = 'dmrefresh_previous'").fetchone()
    assert left == (0,)
