"""What a dump must be to be read to its end."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmrefresh.dump.events import End, Head, Name, Place, Statement, TableData
from dmrefresh.dump.reader import read_dump
from dmrefresh.dump.text.limits import Limits
from dmrefresh.errors import DumpDamaged, DumpRefused
from tests.dump.writing import BEGINNING, ENDING, PREAMBLE, ROWS, USERS, a_dump, merged, read

SMALL = a_dump(
    USERS,
    b"CREATE FUNCTION public.f() RETURNS integer\n    LANGUAGE sql\n    AS $$\n--\n"
    b"-- PostgreSQL database dump complete\n--\n\n\\unrestrict a1B2c3\n\nSELECT 1;$$;",
    ROWS,
    b"COPY public.users (id, email) FROM stdin;\n\\.\n",
    b"CREATE INDEX users_email ON public.users USING btree (email);",
)


def test_a_dump_is_a_head_then_rows_and_statements_then_the_end() -> None:
    head, rows, none, index, end = read(SMALL)
    assert isinstance(head, Head)
    assert (head.server_version, head.dump_version, head.encoding) == ("15.18", "16.14", "UTF8")
    assert [statement.kind for statement in head.statements] == [
        *("SET", "SET", "SET", "SELECT SET_CONFIG", "CREATE TABLE", "CREATE FUNCTION")
    ]
    assert list(head.schema.tables) == [Name("public", "users")]
    first = SMALL.index(b"1\tada")
    place = Place(SMALL[:first].count(b"\n") + 1, first)
    assert rows == TableData(
        Name("public", "users"),
        ("id", "email"),
        b"1\tada@example.org\n2\t\\N\n",
        2,
        place,
        last=True,
        lead=b"\n\n",
        header=b"COPY public.users (id, email) FROM stdin;\n",
    )
    assert isinstance(none, TableData)
    assert (none.rows, none.count, none.last) == (b"", 0, True)
    assert isinstance(index, Statement)
    assert (index.kind, index.target) == ("CREATE INDEX", Name("public", "users_email"))
    assert SMALL[index.place.offset :].startswith(index.sql + b";\n")
    assert end == End(rows=2, size=len(SMALL), lead=b"\n" + ENDING)


def test_a_dump_without_rows_has_all_its_statements_in_the_head() -> None:
    head, end = read(a_dump(USERS))
    assert isinstance(head, Head)
    assert head.statements[-1].kind == "CREATE TABLE"
    assert isinstance(end, End)


@pytest.mark.parametrize("cut", [1, 2, 3, 5, 64, 511, 512, 513])
def test_a_dump_is_the_same_at_any_cutting(cut: int) -> None:
    assert read(SMALL, cut=cut) == read(SMALL)


@given(st.sets(st.integers(0, len(SMALL))))
def test_a_dump_is_the_same_wherever_it_is_cut(cuts: set[int]) -> None:
    edges = [0, *sorted(cuts), len(SMALL)]
    blocks = [SMALL[start:end] for start, end in pairwise(edges)]
    assert merged(read_dump(blocks)) == read(SMALL)


def test_a_dump_that_lost_its_end_at_any_byte_is_never_read_to_an_end() -> None:
    """All but its very last byte, the blank line behind everything, which holds nothing."""
    for length in range(len(SMALL) - 1):
        with pytest.raises((DumpDamaged, DumpRefused)):
            read(SMALL[:length])
    assert read(SMALL[:-1])[:-1] == read(SMALL)[:-1]


def test_a_dump_without_restrict_that_lost_its_end_at_any_byte_is_never_read_to_an_end() -> None:
    beginning = BEGINNING.replace(b"\\restrict a1B2c3\n", b"")
    ending = ENDING.replace(b"\\unrestrict a1B2c3\n\n", b"")
    dump = a_dump(USERS, ROWS, beginning=beginning, ending=ending)
    for length in range(len(dump) - 1):
        with pytest.raises((DumpDamaged, DumpRefused)):
            read(dump[:length])
    assert isinstance(read(dump)[-1], End)


def test_a_byte_order_mark_is_passed_over_at_any_cutting() -> None:
    for cut in (None, 1, 2):
        head, *others = read(b"\xef\xbb\xbf" + SMALL, cut=cut)
        plain, *others_plain = read(SMALL)
        assert isinstance(head, Head)
        assert isinstance(plain, Head)
        assert head.schema == plain.schema
        assert [s.sql for s in head.statements] == [s.sql for s in plain.statements]
        assert len(others) == len(others_plain)
        first, first_plain = others[0], others_plain[0]
    assert isinstance(first, TableData)
    assert isinstance(first_plain, TableData)
    assert first.place.offset == first_plain.place.offset + 3


DAMAGED = {
    "nothing": b"",
    "only blanks": b"\n\n",
    "cut at a row boundary": SMALL[: SMALL.index(b"2\t\\N")],
    "cut inside the last field of a row": SMALL[: SMALL.index(b"a@example")],
    "cut behind the rows": SMALL[: SMALL.index(b"\\.\n") + 3],
    "cut between statements": SMALL[: SMALL.index(b"CREATE INDEX")],
    "the marker only within a function": SMALL[: SMALL.rindex(b"--\n-- PostgreSQL")],
    "rows ended by pg_dump, which was killed": BEGINNING + PREAMBLE + USERS + ROWS,
    "restrict never closed": a_dump(ending=ENDING.replace(b"\\unrestrict a1B2c3\n", b"")),
    "the marker's frame not closed": a_dump(
        beginning=BEGINNING.replace(b"\\restrict a1B2c3\n", b""), ending=b"--\n-- PostgreSQL database dump complete\n"
    ),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_a_dump_that_is_not_whole_is_damaged(case: str) -> None:
    with pytest.raises(DumpDamaged) as caught:
        read(DAMAGED[case])
    assert caught.value.exit_code == 13
    assert "example" not in caught.value.what


def test_the_table_and_line_are_named_where_the_dump_ends_inside_rows() -> None:
    line = SMALL[: SMALL.index(b"2\t\\N")].count(b"\n") + 1
    with pytest.raises(DumpDamaged, match=f"^The dump ends inside the rows of users, line {line}, byte"):
        read(DAMAGED["cut at a row boundary"])


def test_columns_come_from_the_table_where_the_copy_does_not_name_them() -> None:
    table = b"CREATE TABLE public.t (a integer, b text GENERATED ALWAYS AS (('x'::text)) STORED, c text);"
    events = read(a_dump(table, b"COPY public.t FROM stdin;\n1\tx\n\\.\n"))
    assert isinstance(events[1], TableData)
    assert events[1].columns == ("a", "c")


@pytest.mark.parametrize(
    ("encoding", "codec", "name"),
    [("LATIN1", "latin-1", "é"), ("WIN1252", "cp1252", "€"), ("EUC_JP", "euc_jp", "日本"), ("UTF8", "utf-8", "é日")],
)
def test_names_are_read_in_the_encoding_of_the_dump(encoding: str, codec: str, name: str) -> None:
    column = f'"{name}"'.encode(codec)
    dump = a_dump(
        b"CREATE TABLE public.t (" + column + b" text);",
        b"COPY public.t (" + column + b") FROM stdin;\n" + name.encode(codec) + b"\n\\.\n",
        preamble=PREAMBLE.replace(b"UTF8", encoding.encode()),
    )
    head, rows, _ = read(dump)
    assert isinstance(head, Head)
    assert head.encoding == encoding
    assert isinstance(rows, TableData)
    assert (rows.columns, bytes(rows.rows)) == ((name,), name.encode(codec) + b"\n")


@pytest.mark.parametrize("cut", [None, 1])
def test_a_dump_in_sql_ascii_may_hold_utf8_and_nothing_else(cut: int | None) -> None:
    preamble = PREAMBLE.replace(b"UTF8", b"SQL_ASCII")
    assert isinstance(read(a_dump(USERS, ROWS.replace(b"ada", "é".encode()), preamble=preamble), cut=cut)[-1], End)
    dump = a_dump(USERS, ROWS.replace(b"ada", b"\xe9"), preamble=preamble)
    place = Place(dump[: dump.index(b"\xe9")].count(b"\n") + 1, dump.index(b"\xe9"))
    with pytest.raises(DumpRefused, match=f"not UTF-8 at {place}"):
        read(dump, cut=cut)


def test_more_statements_before_the_first_row_than_the_limit_are_refused() -> None:
    dump = a_dump(*(b"CREATE TABLE public.t%d (a integer);" % number for number in range(100)))
    with pytest.raises(DumpRefused, match="more than 2000 bytes"):
        list(read_dump([dump], limits=Limits(head=2000)))


def test_a_row_over_the_limit_names_table_and_row() -> None:
    dump = a_dump(USERS, ROWS.replace(b"2\t\\N", b"2\t" + b"x" * 300))
    with pytest.raises(DumpRefused, match="rows of users cannot be read: row 2, line"):
        list(read_dump([dump], limits=Limits(row=100)))


def test_a_reader_that_is_left_early_asks_for_no_more() -> None:
    asked = []

    def blocks() -> object:
        for start in range(0, len(SMALL), 100):
            asked.append(start)
            yield SMALL[start : start + 100]

    events = read_dump(blocks())  # type: ignore[arg-type]
    assert isinstance(next(events), Head)
    events.close()  # type: ignore[attr-defined]
    assert asked[-1] < len(SMALL) // 2 + 512


def test_millions_of_bytes_of_one_row_take_no_more_than_time_in_proportion() -> None:
    row = b"1\t" + b"x" * (40 << 20) + b"\n"
    dump = a_dump(USERS, b"COPY public.users (id, email) FROM stdin;\n" + row + b"\\.\n")
    events = read(dump, cut=1 << 16)
    assert isinstance(events[1], TableData)
    assert bytes(events[1].rows) == row


_CHANGES = st.lists(
    st.tuples(
        st.integers(0, len(SMALL)),
        st.integers(0, 30),
        st.one_of(
            st.binary(max_size=8), st.sampled_from([b"'", b"$$", b"\\.\n", b"/*", b"--", b";", b'"', b"(", b"\n"])
        ),
    ),
    min_size=1,
    max_size=4,
)


@given(_CHANGES)
def test_a_dump_changed_anywhere_is_read_or_fails_as_a_failure(changes: list[tuple[int, int, bytes]]) -> None:
    dump = SMALL
    for start, length, new in changes:
        dump = dump[:start] + new + dump[start + length :]
    try:
        events = read(dump)
    except (DumpDamaged, DumpRefused):
        return
    assert isinstance(events[-1], End)
    assert read(dump, cut=1) == events
