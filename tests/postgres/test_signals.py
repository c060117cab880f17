"""A signal rolls back up to the commit, and hides nothing from there on."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dmrefresh.machine import signals
from dmrefresh.observer import Observer
from tests.postgres.databases import Database, dump_of, refresh
from tests.postgres.test_commit import SMALL, At

MakeDatabase = Callable[[int], Database]


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    signals.install()
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def pair(database: MakeDatabase, tmp_path: Path) -> tuple[bytes, Database]:
    source, target = database(18), database(18)
    source.run(SMALL.format("new"))
    target.run(SMALL.format("old"))
    return dump_of(source, tmp_path), target


def sent(number: signal.Signals, step: str) -> Observer:
    return At(step, lambda: os.kill(os.getpid(), number))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda n: n.name)
@pytest.mark.parametrize("step", ["begun", "loaded", "checked"])
def test_before_the_commit_a_signal_leaves_the_old_data(
    pair: tuple[bytes, Database], number: signal.Signals, step: str
) -> None:
    dump, target = pair
    with pytest.raises(signals.Interrupted) as caught:
        refresh(dump, target, observer=sent(number, step))
    assert caught.value.number == number
    assert target.run("SELECT name FROM person") == [("old",)]
    open_ones = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    assert target.run("SELECT pg_sleep(0.2)", open_ones) == [(0,)]


@pytest.mark.parametrize("step", ["committing", "committed"])
def test_from_the_commit_on_the_work_is_finished_and_said_to_be_done(pair: tuple[bytes, Database], step: str) -> None:
    dump, target = pair
    published = refresh(dump, target, observer=sent(signal.SIGTERM, step))
    assert (published.rows, published.still_there) == (1, [])
    assert target.run("SELECT name FROM person") == [("new",)]


def test_a_statement_under_way_is_cancelled(pair: tuple[bytes, Database]) -> None:
    dump, target = pair
    slow = b"ALTER TABLE ONLY public.person\n    ADD CONSTRAINT"
    assert slow in dump
    # An index over a slow expression: minutes of work, if nobody stops it.
    function = (
        b"CREATE FUNCTION public.slowly(integer) RETURNS integer "
        b"LANGUAGE sql IMMUTABLE AS $$ SELECT 1 FROM pg_sleep(60) $$;\n"
    )
    dump = dump.replace(slow, function + b"CREATE INDEX i ON public.person (public.slowly(id));\n" + slow)
    signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    signal.setitimer(signal.ITIMER_REAL, 1.0)
    try:
        with pytest.raises(signals.Interrupted):
            refresh(dump, target)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
    running = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'CREATE INDEX%'"
    assert target.run("SELECT pg_sleep(0.5)", running) == [(0,)]
    assert target.run("SELECT name FROM person") == [("old",)]
