"""Sessions at work at once: what collides keeps its order, and nobody is left behind."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dmrefresh.dump.events import Name
from dmrefresh.postgres import Connection
from dmrefresh.postgres.loading.crew import Crew, Job, crew
from dmrefresh.postgres.loading.independence import Needs
from dmrefresh.postgres.reach import connect
from tests.postgres.databases import Database
from tests.proxy import Proxy

MakeDatabase = Callable[[int], Database]
A: Needs = {("table", Name("public", "a")): True}
SHARED: Needs = {("table", Name("public", "a")): False}
B: Needs = {("table", Name("public", "b")): True}


@pytest.fixture
def connections(database: MakeDatabase) -> Iterator[list[Connection]]:
    target = database(18)
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(connect.session(target.url)) for _ in range(2)]
    assert not left()


def left() -> list[str]:
    return [one.name for one in threading.enumerate() if one.name == "dmrefresh-session"]


def sleeping(said: list[str], name: str) -> Callable[[Connection, Iterator[Any]], None]:
    def work(connection: Connection, _: Iterator[Any]) -> None:
        said.append(f"{name} begins")
        connection.execute("SELECT pg_sleep(0.05)")
        said.append(f"{name} ends")

    return work


@pytest.mark.parametrize(("first", "second"), [(A, A), (A, SHARED), (SHARED, A)])
def test_of_two_that_collide_the_later_waits(connections: list[Connection], first: Needs, second: Needs) -> None:
    said: list[str] = []
    with crew(connections) as sessions:
        sessions.submit(Job(sleeping(said, "first"), first))
        sessions.submit(Job(sleeping(said, "second"), second))
        sessions.drain()
    assert said == ["first begins", "first ends", "second begins", "second ends"]


def meeting(barrier: threading.Barrier) -> Callable[[Connection, Iterator[Any]], None]:
    def work(*_: object) -> None:
        barrier.wait(10)

    return work


@pytest.mark.parametrize(("first", "second"), [(A, B), (SHARED, SHARED), ({}, A)])
def test_two_that_do_not_are_done_at_once(connections: list[Connection], first: Needs, second: Needs) -> None:
    barrier = threading.Barrier(2)  # neither passes without the other
    with crew(connections) as sessions:
        sessions.submit(Job(meeting(barrier), first))
        sessions.submit(Job(meeting(barrier), second))
        sessions.drain()


def test_what_can_be_done_passes_what_has_to_wait_but_not_what_it_collides_with_itself(
    connections: list[Connection],
) -> None:
    said: list[str] = []
    barrier = threading.Barrier(2)
    with crew(connections) as sessions:
        sessions.submit(Job(meeting(barrier), A))
        sessions.submit(Job(sleeping(said, "waits for both"), {**A, **B}))
        sessions.submit(Job(sleeping(said, "waits for it"), B))
        sessions.submit(Job(meeting(barrier), {}))
        sessions.drain()
    assert said == ["waits for both begins", "waits for both ends", "waits for it begins", "waits for it ends"]


def test_no_more_than_a_few_items_wait_for_a_session(connections: list[Connection]) -> None:
    given: list[int] = []
    taken: list[int] = []
    most = 0

    def items() -> Iterator[int]:
        nonlocal most
        for number in range(100):
            most = max(most, len(given) - len(taken))
            given.append(number)
            yield number

    def work(connection: Connection, items: Iterator[Any]) -> None:
        for item in items:
            connection.execute("SELECT pg_sleep(0.001)")
            taken.append(item)

    with crew(connections) as sessions:
        sessions.give(Job(work, A), items())
        sessions.drain()
    assert taken == list(range(100))
    assert most <= 6


class _Trouble(Exception):
    pass


def fail(*_: object) -> None:
    raise _Trouble


def sleep_long(connection: Connection, _: Iterator[Any]) -> None:
    connection.execute("SELECT pg_sleep(600)")


def wait_for_items(_: Connection, items: Iterator[Any]) -> None:
    for _ in items:
        pass


@pytest.mark.parametrize("other", [sleep_long, wait_for_items])
def test_what_fails_in_one_is_raised_as_it_is_and_the_other_is_ended(
    connections: list[Connection], other: Callable[[Connection, Iterator[Any]], None]
) -> None:
    def both(sessions: Crew) -> None:
        sessions.submit(Job(other, A))
        sessions.submit(Job(fail, B))
        sessions.drain()

    with pytest.raises(_Trouble), crew(connections) as sessions:
        both(sessions)
    assert not left()


def test_what_fails_in_making_the_items_ends_the_session_that_waits_for_them(connections: list[Connection]) -> None:
    def items() -> Iterator[int]:
        yield 1
        raise _Trouble

    with pytest.raises(_Trouble), crew(connections) as sessions:
        sessions.give(Job(wait_for_items, A), items())
    assert not left()


def test_a_session_whose_server_says_nothing_any_more_is_cut_off(database: MakeDatabase) -> None:
    target = database(18)
    with Proxy(target.cluster.port) as proxy:
        url = f"postgresql://{target.name}@127.0.0.1:{proxy.port}/{target.name}"

        def silenced(sessions: Crew) -> None:
            proxy.deaf = True  # a cancellation is a connection of its own
            sessions.submit(Job(sleep_long, A))
            raise _Trouble

        with connect.session(url) as silent, pytest.raises(_Trouble), crew([silent]) as sessions:
            silenced(sessions)
    assert not left()
