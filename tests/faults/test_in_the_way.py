"""Others are at work on the target: who is waited for, who is ended, and who never notices."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from uuid import uuid4

import psutil
import psycopg
import pytest

from dmrefresh.errors import TargetUnfit, TargetUnreachable
from dmrefresh.observer import Observer
from dmrefresh.postgres import Connection, lock
from dmrefresh.postgres.reach import connect
from dmrefresh.postgres.strategies.publish import StrategyName
from fixtures.parts.postgres import Cluster
from fixtures.parts.processes import environment
from tests.faults.conftest import MakeTarget, States
from tests.faults.swapping import Target
from tests.postgres.databases import Database
from tests.postgres.test_commit import At
from tests.postgres.test_strategies import STRATEGIES


@pytest.fixture(scope="module")
def watched() -> Iterator[Cluster]:
    """A server that can hold transactions prepared and slots open."""
    with Cluster(18, settings={"max_prepared_transactions": "5", "wal_level": "logical"}) as running:
        yield running


@pytest.fixture
def make_watched(watched: Cluster, states: States) -> Callable[[StrategyName], Target]:
    def make(strategy: StrategyName) -> Target:
        name = f"w{uuid4().hex[:12]}"
        watched.create_role_and_database(name, name)
        return Target(Database(watched, name), strategy, states(18))

    return make


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks are waited for no longer than two seconds."""
    monkeypatch.setitem(connect._SETTINGS, "lock_timeout", ("2s", 0))


def prepare(target: Target) -> str:
    """Leave a transaction of the application prepared; nobody can end that but by its name, which is returned."""
    name = f"halfway{uuid4().hex[:8]}"
    with psycopg.connect(target.database.cluster.url(target.database.name, target.application)) as connection:
        connection.execute("INSERT INTO visit (person_id) VALUES (1)")
        connection.execute(f"PREPARE TRANSACTION '{name}'".encode())
    return name


def roll_back(target: Target, name: str) -> None:
    target.database.run(f"ROLLBACK PREPARED '{name}'", superuser=True)


@pytest.mark.slow
@pytest.mark.fault("D2")
def test_what_cannot_be_ended_keeps_the_target_as_it_was_and_open(
    make_watched: Callable[[StrategyName], Target],
) -> None:
    target, prepared = make_watched("database"), []
    try:
        with pytest.raises(TargetUnfit, match="held by the prepared transaction") as caught:
            target.refresh("even", observer=At("committing", lambda: prepared.append(prepare(target))))
        assert (caught.value.exit_code, caught.value.retry) == (15, False)
        assert target.holds() == "odd"
        assert target.left() == []
    finally:
        for name in prepared:
            roll_back(target, name)
    target.refresh_after("even")


@pytest.mark.fault("D15b")
def test_a_session_that_ends_after_the_first_try_is_out_of_the_way_at_the_second(make_target: MakeTarget) -> None:
    target = make_target("database", 18)
    session = psycopg.connect(target.database.cluster.url(target.database.name, target.application))
    process = psutil.Process(session.info.backend_pid)
    steps: list[str] = []

    class StandingStill(Observer):
        def step(self, name: str) -> None:
            steps.append(name)
            if name == "committing":
                process.suspend()
                threading.Timer(5.5, process.resume).start()  # the server gives a rename up after five seconds

    try:
        assert target.refresh("even", observer=StandingStill()).disconnected is not None
    finally:
        with suppress(psutil.NoSuchProcess):
            process.resume()
        session.close()
    assert steps.count("renamed") == 1
    assert target.holds() == "even"
    assert target.left() == []


@contextmanager
def held_by(target: Target) -> Iterator[list[str]]:
    """Hold the target by all that outlives a session; gives the names."""
    database, name = target.database, target.database.name
    database.run(
        f"SELECT pg_create_logical_replication_slot('idle_{name}', 'pgoutput')",
        f"SELECT pg_create_logical_replication_slot('busy_{name}', 'pgoutput')",
        f"CREATE SUBSCRIPTION sub_{name} CONNECTION 'host=127.0.0.1' PUBLICATION p WITH (connect = false)",
        superuser=True,
    )
    prepared = prepare(target)
    argv = [str(database.cluster.bin("pg_recvlogical")), "--start", f"--slot=busy_{name}", "--file=/dev/null"]
    argv += ["--option=proto_version=1", "--option=publication_names=p", f"--dbname={database.superuser_url}"]
    with subprocess.Popen(argv, env=environment(), stderr=subprocess.DEVNULL) as busy:
        try:
            active = f"SELECT active FROM pg_replication_slots WHERE slot_name = 'busy_{name}'"
            while database.run(active, superuser=True) != [(True,)]:
                assert busy.poll() is None
                time.sleep(0.02)
            yield [prepared, f"idle_{name}", f"busy_{name}", f"sub_{name}"]
        finally:
            busy.kill()
    if prepared in holders(target):
        roll_back(target, prepared)
    database.run(
        f"ALTER SUBSCRIPTION sub_{name} SET (slot_name = NONE)",
        f"DROP SUBSCRIPTION sub_{name}",
        f"SELECT pg_drop_replication_slot('idle_{name}')",
        superuser=True,
    )


def holders(target: Target) -> list[str]:
    return [
        name
        for (name,) in target.database.run(
            "SELECT gid FROM pg_prepared_xacts WHERE database = current_database() "
            "UNION ALL SELECT slot_name FROM pg_replication_slots WHERE database = current_database() "
            "UNION ALL SELECT subname FROM pg_subscription s JOIN pg_database d ON d.oid = subdbid "
            "WHERE datname = current_database()",
            superuser=True,
        )
    ]


@pytest.mark.fault("D5", "73a")
def test_what_holds_the_database_itself_is_named_before_anything_is_done(
    make_watched: Callable[[StrategyName], Target],
) -> None:
    target = make_watched("database")
    with held_by(target) as names:
        before = target.relations()
        with pytest.raises(TargetUnfit) as caught:
            target.refresh("even")
        assert caught.value.exit_code == 15
        for name in names:
            assert name in caught.value.what
        assert sorted(holders(target)) == sorted(names)
        assert (target.holds(), target.relations(), target.left()) == ("odd", before, [])


@pytest.mark.fault("73b")
@pytest.mark.usefixtures("hurried")
def test_the_schema_strategy_takes_nothing_from_what_holds_the_database(
    make_watched: Callable[[StrategyName], Target],
) -> None:
    target = make_watched("schema")
    with held_by(target) as names:
        assert target.refresh("even").still_there == ["dmrefresh_previous"]  # the transaction has written to it
        assert target.holds() == "even"
        assert sorted(holders(target)) == sorted(names)
        target.database.run(f"COMMIT PREPARED '{names[0]}'", superuser=True)
        assert target.holds() == "even"
        target.refresh_after("odd")


@pytest.mark.fault("D6")
@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.usefixtures("hurried")
def test_an_open_lock_on_a_table_holds_up_neither_the_refresh_nor_anybody_through_it(
    make_target: MakeTarget, strategy: StrategyName
) -> None:
    target = make_target(strategy, 18)
    holder = psycopg.connect(target.database.url)
    holder.execute("LOCK TABLE person IN ACCESS EXCLUSIVE MODE")
    url = target.database.cluster.url(target.database.name, target.application)
    over, waited, reads = threading.Event(), [], [0]

    def read() -> None:
        while not over.is_set():
            try:
                # Whoever waits behind one of our own waits for longer than this.
                with psycopg.connect(url, autocommit=True, options="-c lock_timeout=1s") as connection:
                    while not over.is_set():
                        connection.execute("SELECT count(*) FROM visit").fetchall()
                        reads[0] += 1
            except psycopg.errors.LockNotAvailable as error:
                waited.append(error)
            except psycopg.OperationalError:
                assert strategy == "database"  # which ends everybody

    reader = threading.Thread(target=read)
    reader.start()
    try:
        published = target.refresh("even")
    finally:
        over.set()
        reader.join()
    assert waited == []
    assert reads[0] > 10
    assert published.still_there == (["dmrefresh_previous"] if strategy == "schema" else [])
    assert target.holds() == "even"
    holder.close()
    target.refresh_after("odd")


@pytest.mark.fault("D4b")
def test_a_lock_that_is_lost_on_the_way_stops_the_swap(
    make_target: MakeTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a pool does with a session that it gives to the next: it takes its locks away."""
    target, real = make_target("database", 18), lock.hold

    def hold(connection: Connection, *key: tuple[int, int]) -> None:
        real(connection, *key)
        connection.execute("DISCARD ALL")

    monkeypatch.setattr(lock, "hold", hold)
    with pytest.raises(TargetUnreachable, match="lock on the target was lost") as caught:
        target.refresh("even")
    assert "the server's own address" in (caught.value.hint or "")
    assert (target.holds(), target.left()) == ("odd", [])
    monkeypatch.undo()
    target.refresh_after("even")
