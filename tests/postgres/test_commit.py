"""The connection is lost at the commit: what became of it is found out, and said as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from dmrefresh.errors import CommitInDoubt
from dmrefresh.observer import Observer
from dmrefresh.postgres.loading import commit
from tests.postgres.databases import Database, dump_of, refresh
from tests.proxy import Proxy

MakeDatabase = Callable[[int], Database]
SMALL = "CREATE TABLE person (id integer PRIMARY KEY, name text); INSERT INTO person VALUES (1, '{}')"


class At(Observer):
    """Does something at a step."""

    def __init__(self, step: str, deed: Callable[[], None]) -> None:
        self.when, self.deed = step, deed

    def step(self, name: str) -> None:
        if name == self.when:
            self.deed()


@pytest.fixture
def dump(database: MakeDatabase, tmp_path: Path) -> bytes:
    source = database(18)
    source.run(SMALL.format("new"))
    return dump_of(source, tmp_path)


@pytest.fixture
def target(database: MakeDatabase) -> Database:
    made = database(18)
    made.run(SMALL.format("old"))
    return made


@pytest.fixture
def proxy(target: Database) -> Iterator[Proxy]:
    with Proxy(psycopg.conninfo.conninfo_to_dict(target.url)["port"]) as running:  # type: ignore[arg-type]
        yield running


def through(proxy: Proxy, target: Database) -> str:
    return f"postgresql://{target.name}@127.0.0.1:{proxy.port}/{target.name}"


def test_if_the_server_does_not_come_back_it_is_called_unknown_with_the_question_to_ask(
    proxy: Proxy, target: Database, dump: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commit, "_PATIENCE", 1.0)
    monkeypatch.setattr(commit.commit, "__defaults__", (1.0,))

    def go_away() -> None:
        proxy.answer = lambda number, offset, block: None

    with pytest.raises(CommitInDoubt) as caught:
        refresh(dump, target, url=through(proxy, target), observer=At("committing", go_away))
    assert (caught.value.exit_code, caught.value.retry) == (23, False)
    assert caught.value.hint is not None
    question = caught.value.hint.split(": ", 1)[1]
    assert target.run(question) == [("committed",)]
