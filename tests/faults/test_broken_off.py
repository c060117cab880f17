"""A refresh is broken off at every step, in every way: the target has the old data or the new, whole, for everybody."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator

import psycopg
import pytest

from dmrefresh.errors import CommitInDoubt, TargetUnreachable
from dmrefresh.machine import signals
from dmrefresh.postgres.strategies.publish import StrategyName
from fixtures.parts.postgres import Cluster
from tests.faults.conftest import States
from tests.faults.swapping import STEPS, Breaking, Target, end_sessions, ended, in_a_child, restart
from tests.postgres.databases import Database
from tests.proof import Proof
from tests.proxy import Proxy

EVERYWHERE = [
    pytest.param((strategy, step), id=f"{strategy}-{step}") for strategy, steps in STEPS.items() for step in steps
]
ANSWERS = [pytest.param((strategy, "answer"), id=f"{strategy}-answer") for strategy in STEPS]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A server of its own, which can be stopped and killed, and has the less on disk then the better."""
    with Cluster(18, settings={"wal_writer_delay": "10s"}) as running:
        yield running


@pytest.fixture(scope="module")
def proxy(cluster: Cluster) -> Iterator[Proxy]:
    with Proxy(cluster.port) as running:
        yield running


@pytest.fixture(scope="module")
def _targets() -> dict[StrategyName, Target]:
    return {}


@pytest.fixture
def target(
    where: tuple[StrategyName, str],
    cluster: Cluster,
    states: States,
    _targets: dict[StrategyName, Target],
    request: pytest.FixtureRequest,
) -> Iterator[Target]:
    """The same for all tests of a strategy, as long as none of them fails."""
    strategy, _ = where
    made = _targets.pop(strategy, None)
    if made is None:
        name = f"{strategy}{os.urandom(4).hex()}"
        cluster.create_role_and_database(name, name)
        made = Target(Database(cluster, name), strategy, states(18))
    failed = request.session.testsfailed
    yield made
    if request.session.testsfailed == failed:
        _targets[strategy] = made


def url(target: Target, proxy: Proxy) -> str:
    return f"postgresql://{target.database.name}@127.0.0.1:{proxy.port}/{target.database.name}"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=lambda n: n.name)
@pytest.mark.parametrize("where", EVERYWHERE)
@pytest.mark.fault("D1", "D8", "72")
def test_a_publisher_that_is_ended_or_killed(
    where: tuple[StrategyName, str], number: signal.Signals, target: Target, proxy: Proxy
) -> None:
    strategy, step = where
    old, new, before = target.holds(), target.next, target.relations()
    children: list[int] = []

    def deed() -> None:
        os.kill(children[0] if children else os.getpid(), number)

    breaking = Breaking(step, deed, proxy, strategy)
    there = url(target, proxy)
    children.append(
        in_a_child(lambda: target.refresh(new, url=there, stream=breaking.stream(target.dumps[new]), observer=breaking))
    )
    code = ended(children[0])
    from_the_commit_on = step in ("committing", "renamed", "committed")
    if number is signal.SIGKILL:
        assert code == -signal.SIGKILL
        published = step == "committed"
    else:
        published = from_the_commit_on
        assert code == (0 if published else 128 + signal.SIGTERM)
        assert target.left() == []
    assert target.holds() == (new if published else old)
    assert (target.relations() == before) is not published
    target.refresh_after(new)


HURRIED = [
    pytest.param((strategy, step), id=f"{strategy}-{step}")
    for strategy, steps in STEPS.items()
    for step in steps
    if step in ("rows", "checked", "committing", "renamed")
]


@pytest.mark.parametrize("where", HURRIED)
@pytest.mark.fault("80k")
def test_a_publisher_that_is_hurried_on_its_way_out(
    where: tuple[StrategyName, str], target: Target, proxy: Proxy, proof: Proof
) -> None:
    """By a second SIGINT in the moment in which the first is heard: nothing is waited for any more."""
    strategy, step = where
    old, new, before = target.holds(), target.next, target.relations()

    def deed() -> None:
        """Both come from another thread, one as soon as the other was heard; where they are held, none is."""
        threading.Thread(target=interrupt, args=(signals.ended,), daemon=True).start()
        time.sleep(1)

    breaking = Breaking(step, deed, proxy, strategy)
    there = url(target, proxy)
    code = ended(
        in_a_child(lambda: target.refresh(new, url=there, stream=breaking.stream(target.dumps[new]), observer=breaking))
    )
    published = step in ("committing", "renamed")
    assert code == (0 if published else 128 + signal.SIGINT)
    assert target.holds() == (new if published else old)
    assert (target.relations() == before) is not published
    target.refresh_after(new)
    proof.happened("the new data" if published else "exit 130; the old data, and the next run clears up")


def interrupt(heard: Callable[[], bool]) -> None:
    until = time.monotonic() + 0.5
    os.kill(os.getpid(), signal.SIGINT)
    while not heard() and time.monotonic() < until:
        time.sleep(0.001)
    os.kill(os.getpid(), signal.SIGINT)


DEEDS: dict[str, Callable[[Target, Proxy], None]] = {
    "the connection is cut": lambda target, proxy: proxy.cut(),
    "its sessions are ended": lambda target, proxy: end_sessions(target.database),
    "the server is restarted": lambda target, proxy: restart(target.database.cluster, proxy, "fast"),
    "the server is stopped at once": lambda target, proxy: restart(target.database.cluster, proxy, "immediate"),
    "the server is killed": lambda target, proxy: restart(target.database.cluster, proxy, "kill"),
}


@pytest.mark.parametrize("deed", DEEDS)
@pytest.mark.parametrize("where", [*EVERYWHERE, *ANSWERS])
@pytest.mark.fault("D1", "68a", "68e", "72", "96a", "96b")
def test_a_server_that_is_lost(where: tuple[StrategyName, str], deed: str, target: Target, proxy: Proxy) -> None:
    strategy, step = where
    old, new, before = target.holds(), target.next, target.relations()
    breaking = Breaking(step, lambda: DEEDS[deed](target, proxy), proxy, strategy)

    def refresh() -> None:
        target.refresh(new, url=url(target, proxy), stream=breaking.stream(target.dumps[new]), observer=breaking)

    published = step in ("answer", "committed")
    if published:
        refresh()
    else:
        with pytest.raises(TargetUnreachable) as caught:
            refresh()
        assert caught.value.retry
    assert breaking.done.wait(60)
    assert target.holds() == (new if published else old)
    assert (target.relations() == before) is not published
    target.refresh_after(new)


@pytest.mark.parametrize("delay", [0, 0.002, 0.01])
@pytest.mark.parametrize("where", [("schema", "committing"), ("database", "renamed")], ids=lambda where: where[0])
@pytest.mark.fault("96e")
def test_a_commit_that_is_under_way_when_the_server_is_killed_is_told_as_it_ended(
    where: tuple[StrategyName, str], delay: float, target: Target, proxy: Proxy
) -> None:
    strategy, step = where
    old, new = target.holds(), target.next
    over = threading.Event()

    def kill() -> None:
        restart(target.database.cluster, proxy, "kill")
        over.set()

    breaking = Breaking(step, lambda: threading.Timer(delay, kill).start(), proxy, strategy)
    said = new
    try:
        target.refresh(new, url=url(target, proxy), observer=breaking)
    except TargetUnreachable:
        said = old
    assert over.wait(60)
    assert target.holds() == said
    target.refresh_after(new)


@pytest.mark.parametrize("where", [("schema", "checked"), ("database", "renamed")], ids=lambda where: where[0])
@pytest.mark.fault("96d")
def test_another_transaction_that_is_given_the_same_number_is_not_taken_for_ours(
    where: tuple[StrategyName, str], target: Target, proxy: Proxy
) -> None:
    """The server is killed with nothing of ours on disk, and others go on in what it takes for the next numbers."""
    strategy, step = where
    old, new = target.holds(), target.next

    def deed() -> None:
        restart(target.database.cluster, proxy, "kill")
        with psycopg.connect(target.database.cluster.url(), autocommit=True) as others:
            for _ in range(50):
                others.execute("SELECT pg_current_xact_id()")

    breaking = Breaking(step, deed, proxy, strategy)
    with pytest.raises(CommitInDoubt) as caught:
        target.refresh(new, url=url(target, proxy), observer=breaking)
    assert caught.value.exit_code == 23
    assert "status" in (caught.value.hint or "")
    assert target.holds() == old
    target.refresh_after(new)
