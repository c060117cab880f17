"""The soak runs for a minute and finds nothing; and it would find what it looks for."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.soak.editions import LOOK, TABLES, NotWhole, fill, items_of, version_in, version_of
from tests.soak.growth import is_growth, trend_of
from tests.soak.sessions import Session, looks

CHECKOUT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.timeout(1800)  # it ends by itself; how soon depends on what else the machine does
def test_a_minute_of_troubles_loses_no_reader_and_leaves_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.soak", "--seconds", "60", "--log", str(tmp_path / "log.jsonl")]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) > 3


@pytest.fixture
def editions(database_url: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        for statement in TABLES.split(";\n"):
            connection.execute(statement.encode())
        fill(connection, 3, who="somebody")
        yield connection


def test_a_whole_edition_is_one(editions: psycopg.Connection[tuple[object, ...]]) -> None:
    assert version_of(editions.execute(LOOK.encode()).fetchall()) == 3


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param("DELETE FROM visit WHERE id = 5", id="a row is lost"),
        pytest.param("UPDATE visit SET version = 2 WHERE id = 5", id="a row of another edition"),
        pytest.param("UPDATE item SET payload = left(payload, -1) WHERE id = 5", id="a shortened value"),
        pytest.param("UPDATE item SET email = 'canary5@example.gov.uk' WHERE id = 5", id="an original"),
        pytest.param("INSERT INTO edition VALUES (4, 848, '')", id="two editions at once"),
        pytest.param("DELETE FROM visit; DELETE FROM item; DELETE FROM edition", id="nothing"),
    ],
)
def test_a_reader_sees_what_is_no_whole_edition(
    editions: psycopg.Connection[tuple[object, ...]], database_url: str, wrong: str
) -> None:
    session = Session(lambda: database_url, looks)
    try:
        session.settle()
        assert (session.versions, session.wrong) == ([3], [])
        editions.execute(wrong.encode())
        session.settle()
        assert session.wrong
    finally:
        session.end()


def test_a_session_that_is_ended_comes_back_and_says_so(
    editions: psycopg.Connection[tuple[object, ...]], database_url: str
) -> None:
    session = Session(lambda: database_url, looks)
    try:
        session.settle()
        editions.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        session.settle()
        assert (session.ended, session.wrong, session.versions) == (1, [], [3])
    finally:
        session.end()


def _dump(rows: int) -> bytes:
    body = b"".join(b"%d\t3\tx\tcanary\t\\N\n" % n for n in range(1, rows + 1))
    return (
        b"COPY public.edition (version, items, checksum) FROM stdin;\n3\t2\tb51a9c9b53b5d2e3f1b9bd2f2a0a0d6b\n\\.\n"
        b"COPY public.item (id, version, payload, email, touched) FROM stdin;\n" + body + b"\\.\n"
        b"--\n-- PostgreSQL database dump complete\n--\n"
    )


def test_a_dump_that_is_not_the_whole_of_an_edition_is_told() -> None:
    with pytest.raises(NotWhole, match="1 of 2 rows"):
        version_in(_dump(1))
    with pytest.raises(NotWhole, match="without its end"):
        version_in(_dump(2)[:-60])


def test_editions_differ_in_their_rows() -> None:
    assert len({items_of(version) for version in range(400)}) == 400


@pytest.mark.parametrize(
    ("values", "grows"),
    [
        pytest.param([100 + n for n in range(60)], True, id="a little each round"),
        pytest.param([100 if n < 30 else 200 for n in range(60)], False, id="once, and then enough"),
        pytest.param([100 + 50 * (n // 20) for n in range(60)], True, id="step by step"),
        pytest.param([100 + n % 7 for n in range(60)], False, id="up and down"),
        pytest.param([10] * 4 + [100] * 56, False, id="only in the beginning"),
        pytest.param([500 if n == 50 else 100 for n in range(60)], False, id="once, and back"),
    ],
)
def test_growth_is_told_from_chance(values: list[float], grows: bool) -> None:
    trend = trend_of(values)
    assert trend is not None
    assert is_growth(trend, slack=10) is grows
