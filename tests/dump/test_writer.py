from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmrefresh.dump.events import Event, Head, Statement, TableData
from dmrefresh.dump.limits import Limits
from dmrefresh.dump.reader import read_dump
from dmrefresh.dump.writer import only_allowed, write_dump
from dmrefresh.errors import DumpDamaged, DumpRefused, Failure
from fixtures.parts.postgres import Cluster, installed_majors
from tests.dump.conftest import OPTIONS, Dumps
from tests.dump.writing import ROWS, USERS, a_dump, read

NO_COLUMNS = b"CREATE TABLE public.nocols (\n);"
ODD = a_dump(
    USERS + b"/* a /* nested */ ; */ ;; -- and a comment",
    NO_COLUMNS,
    b"GRANT ALL ON public.users TO somebody;   DROP VIEW public.gone;",
    ROWS,
    b"COPY public.nocols  FROM stdin;\n\n\n\\.\n",
    b"CREATE INDEX users_email ON public.users USING btree (email);",
)


def written(text: bytes) -> bytes:
    return b"".join(write_dump(read_dump([text])))


def allowed(text: bytes) -> tuple[bytes, Counter[str]]:
    left_out: Counter[str] = Counter()
    return b"".join(write_dump(only_allowed(read_dump([text]), everything=False, left_out=left_out))), left_out


@given(st.sets(st.integers(0, len(ODD))))
def test_what_was_read_is_written_byte_for_byte_wherever_it_was_cut(cuts: set[int]) -> None:
    edges = [0, *sorted(cuts), len(ODD)]
    blocks = [ODD[start:end] for start, end in pairwise(edges)]
    assert b"".join(write_dump(read_dump(blocks))) == ODD


def test_a_byte_order_mark_is_written_again() -> None:
    assert written(b"\xef\xbb\xbf" + ODD) == b"\xef\xbb\xbf" + ODD


@pytest.mark.parametrize("options", OPTIONS)
def test_a_dump_of_postgresql_is_written_byte_for_byte(nasty_dump: Dumps, major: int, options: str) -> None:
    dump = nasty_dump(major, options)
    assert written(dump) == dump


def test_what_the_policy_leaves_out_is_left_out_and_counted_with_the_comments_of_the_dump() -> None:
    text, left_out = allowed(ODD)
    assert left_out == {"SET": 1, "GRANT": 1, "DROP": 1}
    for gone in (b"statement_timeout", b"GRANT", b"DROP", b"nested", b"and a comment", b"restrict"):
        assert gone in ODD
        assert gone not in text
    again = read(text)
    kept = [e for e in read(ODD) if isinstance(e, TableData)]
    assert [(e.table, e.columns, e.rows) for e in again if isinstance(e, TableData)] == [
        (e.table, e.columns, e.rows) for e in kept
    ]
    assert [e.sql for e in again if isinstance(e, Statement)] == [e.sql for e in read(ODD) if isinstance(e, Statement)]
    head = again[0]
    assert isinstance(head, Head)
    assert (head.server_version, head.dump_version) == ("15.18", "16.14")


def test_everything_leaves_out_nothing() -> None:
    left_out: Counter[str] = Counter()
    assert b"".join(write_dump(only_allowed(read_dump([ODD]), everything=True, left_out=left_out))) == ODD
    assert not left_out


@pytest.mark.parametrize("everything", [True, False])
def test_nothing_is_written_of_a_dump_whose_head_holds_what_is_refused(everything: bool) -> None:
    text = a_dump(USERS, b"ALTER SYSTEM SET fsync = off;", ROWS)
    blocks = write_dump(only_allowed(read_dump([text]), everything=everything, left_out=Counter()))
    assert b"CREATE" not in next(blocks)
    with pytest.raises(DumpRefused, match="ALTER SYSTEM"):
        next(blocks)


@pytest.fixture(params=installed_majors(), ids=lambda major: f"PostgreSQL {major}")
def psql(request: pytest.FixtureRequest, cluster_for: Callable[[int], Cluster]) -> Callable[[bytes], int]:
    """Feeds psql in a single transaction and nothing else, as people do; returns how many tables there are then."""
    cluster = cluster_for(request.param)
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS broken_off")
        connection.execute("CREATE DATABASE broken_off")

    def fed(text: bytes) -> int:
        argv = [str(cluster.bin("psql")), "-X", "-q", "-1", "-d", cluster.url("broken_off")]
        subprocess.run(argv, input=text, capture_output=True, check=False)
        with psycopg.connect(cluster.url("broken_off")) as connection:
            row = connection.execute("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace")
            return int(next(row)[0])

    return fed


def test_what_breaks_off_anywhere_is_refused_by_the_server_as_one_transaction(psql: Callable[[bytes], int]) -> None:
    plain = a_dump(USERS, NO_COLUMNS, ROWS, b"COPY public.nocols  FROM stdin;\n\n\n\\.\n", b"SELECT 1;")
    plain = plain.replace(b"\\restrict a1B2c3\n", b"").replace(b"\\unrestrict a1B2c3\n", b"").replace(b"SELECT 1;", b"")
    places = [b"CREATE TABLE public.nocols", b"COPY public.users", b"1\tada", b"2\t", b"COPY public.nocols", b"\\.\n\n"]
    for place in places:
        end = plain.index(place) + 1
        assert psql(_broken_off(plain[:end])) == 0, place
    assert psql(_broken_off_inside_rows(plain)) == 0
    assert psql(written(plain)) == 2


def _broken_off(text: bytes) -> bytes:
    """All that is written of a dump that ends too early."""
    return b"".join(_until_failure(write_dump(read_dump([text]))))


def _until_failure(blocks: Iterator[bytes]) -> list[bytes]:
    found = []
    try:
        for block in blocks:
            found.append(block)
    except Failure:
        return found
    raise AssertionError("it did not fail")


def _broken_off_inside_rows(text: bytes) -> bytes:
    """All that is written where a stage fails after the first block of a table's rows."""

    def failing() -> Iterator[Event]:
        for event in read_dump([text], limits=Limits()):
            if isinstance(event, TableData):
                first = bytes(event.rows).split(b"\n")[0] + b"\n"
                yield TableData(event.table, event.columns, first, 1, event.place, False, event.lead, event.header)
                raise DumpDamaged("The connection broke.")
            yield event

    found = _until_failure(write_dump(failing()))
    assert found[-2] == b"1\tada@example.org\n"
    return b"".join(found)
