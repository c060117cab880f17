from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmrefresh.dump.events import Event, Head, Statement, TableData
from dmrefresh.dump.outgoing import as_it_is, by_policy
from dmrefresh.dump.reader import read_dump
from dmrefresh.dump.writer import BROKEN_OFF, write_dump
from dmrefresh.errors import DumpRefused, Failure
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
    return b"".join(write_dump(by_policy(read_dump([text]), left_out))), left_out


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
    for gone in (b"statement_timeout", b"GRANT", b"DROP", b"nested", b"and a comment", b"restrict a1B2c3"):
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
    assert b"".join(write_dump(as_it_is(read_dump([ODD])))) == ODD


@pytest.mark.parametrize("stage", [as_it_is, lambda events: by_policy(events, Counter())], ids=["all", "policy"])
def test_nothing_is_written_of_a_dump_whose_head_holds_what_is_refused(
    stage: Callable[[Iterable[Event]], Iterator[Event]],
) -> None:
    text = a_dump(USERS, b"ALTER SYSTEM SET fsync = off;", ROWS)
    blocks = write_dump(stage(read_dump([text])))
    assert next(blocks) == BROKEN_OFF
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
    places = (b"CREATE TABLE", b"COPY public.users", b"1\tada", b"@example", b"2\t", b"\\N", b"COPY public.nocols")
    cuts = [plain.index(place) + more for place in places for more in (0, 1, 5)]
    cuts += list(range(plain.index(b"\\.\n"), plain.index(b"\\.\n") + 5))
    for cut in cuts:
        assert psql(plain[:cut] + BROKEN_OFF) == 0, plain[:cut][-40:]
    for cut in cuts[:3]:
        assert psql(_until_failure(write_dump(read_dump([plain[:cut]])))) == 0
    assert psql(written(plain)) == 2


def _until_failure(blocks: Iterator[bytes]) -> bytes:
    """All that is written before the failure is raised."""
    found = []
    try:
        for block in blocks:
            found.append(block)
    except Failure:
        return b"".join(found)
    raise AssertionError("it did not fail")


MISREAD = (
    b"CREATE FUNCTION public.begin() RETURNS integer LANGUAGE sql AS 'select 1';",
    b"CREATE PROCEDURE public.p()\n    LANGUAGE sql\n    SET search_path TO begin\n    AS $$select 1$$;",
    b"CREATE FUNCTION public.f() RETURNS integer LANGUAGE sql\n BEGIN ATOMIC\n SELECT t.begin FROM t;\nEND;",
)


@pytest.mark.parametrize("statement", MISREAD)
def test_a_routine_in_which_psql_would_not_see_the_end_is_not_handed_to_it(statement: bytes) -> None:
    with pytest.raises(DumpRefused, match="psql would misread"):
        allowed(a_dump(USERS, statement, ROWS))
    text = a_dump(USERS, statement, ROWS)
    assert b"".join(write_dump(as_it_is(read_dump([text])))) == text


def test_a_routine_that_psql_reads_as_the_server_does_is_handed_on() -> None:
    fine = (
        b"CREATE FUNCTION public.f(begin integer) RETURNS integer LANGUAGE sql\n BEGIN ATOMIC\n"
        b" SELECT CASE WHEN (t.begin > 0) THEN 1 END FROM t;\nEND;",
        b"CREATE FUNCTION public.g() RETURNS integer LANGUAGE plpgsql AS $$ begin return 1; end $$;",
        b"CREATE FUNCTION public.\"begin\"() RETURNS integer LANGUAGE sql AS 'select 1';",
    )
    text, _ = allowed(a_dump(USERS, *(one.replace(b"(t.begin > 0)", b"true") for one in fine), ROWS))
    assert all(one.replace(b"(t.begin > 0)", b"true") in text for one in fine)


def test_a_comment_within_a_copy_is_not_handed_on() -> None:
    text, _ = allowed(a_dump(USERS, ROWS.replace(b"COPY public.users", b"COPY /* Ada Lovelace */ public.users")))
    assert b"Ada" not in text
    assert b'COPY "public"."users" ("id", "email") FROM stdin;\n1\t' in text
    assert len(read(text)) == 3


def test_rows_with_a_value_too_many_are_not_handed_on() -> None:
    with pytest.raises(DumpRefused, match="have not one value for each column"):
        allowed(a_dump(USERS, ROWS.replace(b"ada@example.org", b"ada@example.org\tLovelace")))
