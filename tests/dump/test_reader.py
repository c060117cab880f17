"""What a dump must be to be read to its end."""

from __future__ import annotations

import gzip
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmrefresh.dump.events import End, Head, Name, Place, Statement, TableData
from dmrefresh.dump.limits import Limits
from dmrefresh.dump.reader import read_dump
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

SECRET = b"ada.lovelace@example.org"
"""Stands wherever a dump may hold something personal; no message may repeat it."""


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


REFUSED = {
    "custom format": (b"PGDMP\x01\x0e\0" + b"\0" * 600, "custom format"),
    "tar format": (b"toc.dat" + b"\0" * 600, "tar format"),
    "compressed twice": (gzip.compress(SMALL), "gzip"),
    "encrypted": (b"\x85\x02\x0c\x03" + b"x" * 600, "encrypted"),
    "encrypted, armoured": (b"-----BEGIN PGP MESSAGE-----\n" + b"x" * 600, "encrypted"),
    "UTF-16": (SMALL.decode().encode("utf-16"), "UTF-16"),
    "a whole server": (
        b"--\n-- PostgreSQL database cluster dump\n--\n\n\\restrict a\n\nSET client_encoding = 'UTF8';\n",
        "whole server",
    ),
    "a letter": (b"Dear " + SECRET, "not a dump of pg_dump"),
    "a script": (b"-- my own\nSELECT '" + SECRET + b"';\n", "not a dump of pg_dump"),
    "a command before the title": (b"--\n\\! id\n" + SMALL, "not a dump of pg_dump"),
    "no versions": (a_dump(USERS, ROWS, beginning=b"--\n-- PostgreSQL database dump\n--\n"), "which PostgreSQL"),
    "no encoding": (a_dump(preamble=b""), "client_encoding"),
    "an encoding with quotes inside characters": (
        a_dump(preamble=b"SET client_encoding = 'SJIS';\n"),
        "client_encoding",
    ),
    "two encodings": (a_dump(b"SET client_encoding = 'LATIN1';"), "changes its client_encoding"),
    "strings of the old kind": (
        a_dump(preamble=PREAMBLE.replace(b"strings = on", b"strings = off")),
        "standard_conforming_strings",
    ),
    "INSERT": (a_dump(USERS, b"INSERT INTO public.users VALUES (1, '" + SECRET + b"');"), "INSERT"),
    "INSERT behind rows": (a_dump(USERS, ROWS, b"INSERT INTO public.users VALUES (1, '" + SECRET + b"');"), "INSERT"),
    "rows of a table that is not created": (a_dump(ROWS), "does not create that table"),
    "rows of a table without a schema": (a_dump(USERS, ROWS.replace(b"public.", b"")), "COPY"),
    "rows with a column that is not created": (a_dump(USERS, ROWS.replace(b"email)", b"phone)")), "name columns"),
    "rows with a column twice": (a_dump(USERS, ROWS.replace(b"email)", b"id)")), "name columns"),
    "rows from a program": (a_dump(USERS, b"COPY public.users (id, email) FROM PROGRAM 'id';\n\\.\n"), "COPY"),
    "rows from a file": (a_dump(USERS, b"COPY public.users FROM '/etc/passwd';\n\\.\n"), "COPY"),
    "rows to a program": (a_dump(USERS, b"COPY public.users TO PROGRAM 'cat';\n\\.\n"), "COPY"),
    "rows of a query": (a_dump(USERS, b"COPY (SELECT 1) TO STDOUT;\n\\.\n"), "COPY"),
    "rows in CSV": (a_dump(USERS, b"COPY public.users FROM stdin WITH (FORMAT csv);\n1,a\n\\.\n"), "COPY"),
    "rows on the line of their statement": (a_dump(USERS, b"COPY public.users FROM stdin; 1\ta\n\\.\n"), "line"),
    "a name that needs decoding": (a_dump(b'CREATE TABLE public."\xff" (a integer);'), "encoding"),
    "a column that needs decoding": (a_dump(USERS, ROWS.replace(b"email)", b"\xff)")), "encoding"),
    "a table from a query": (a_dump(b"CREATE TABLE public.t (a) AS SELECT 'x';"), "not written as pg_dump"),
    "another key at the end": (a_dump(ending=ENDING.replace(b"a1B2c3", b"other")), "command for psql"),
    "backquotes at the end": (a_dump(ending=ENDING.replace(b"a1B2c3", b"`touch x`")), "command for psql"),
    "restrict never opened": (a_dump(beginning=BEGINNING.replace(b"\\restrict a1B2c3\n", b"")), "command for psql"),
    "restrict twice": (a_dump(b"\\restrict a1B2c3"), "command for psql"),
    "unrestrict before the end": (a_dump(USERS, b"\\unrestrict a1B2c3"), "command for psql"),
    "unrestrict twice": (SMALL + b"\\unrestrict a1B2c3\n", "command for psql"),
    "a statement behind the marker": (SMALL + b"SELECT '" + SECRET + b"';\n", "follows the end marker"),
    "a comment behind the marker": (SMALL + b"-- " + SECRET + b"\n", "follows the end marker"),
    "two dumps": (SMALL + SMALL, "follows the end marker"),
    "two end marks of rows": (a_dump(USERS, ROWS + b"3\t" + SECRET + b"\n\\.\n"), "backslash outside quotes"),
    "line ends of Windows": (SMALL.replace(b"\n", b"\r\n"), "carriage return"),
    "a carriage return in a row": (SMALL.replace(b"ada@", b"ada\r"), r"rows of users cannot be read: row 1, line"),
    "a NUL in a row": (SMALL.replace(b"ada@", b"ada\0"), "NUL"),
    "a NUL in a statement": (SMALL.replace(b"email text", b"email\0text"), "NUL"),
}

COMMANDS = [
    *("! id", "set x `id`", "o | id", "i /etc/passwd", "copy t from program 'id'", "connect other", "gexec", "c x"),
    *("unrestrict `id`", "restrict", "restrict a b", "restrict a;", "Restrict a1B2c3", ".", ""),
]
REFUSED |= {
    f"the command \\{command}": (a_dump(USERS, b"\\" + command.encode() + b" " + SECRET), "command for psql")
    for command in COMMANDS
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_quite_a_dump_is_refused(case: str) -> None:
    dump, message = REFUSED[case]
    with pytest.raises(DumpRefused, match=message) as caught:
        read(dump)
    assert caught.value.exit_code == 17
    said = f"{caught.value.what} {caught.value.hint} {caught.value.state}"
    assert "lovelace" not in said
    assert "ada" not in said
    assert "id`" not in said


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_is_refused_one_byte_at_a_time_too(case: str) -> None:
    with pytest.raises(DumpRefused):
        read(REFUSED[case][0], cut=1)


def test_what_is_refused_at_top_level_is_only_text_within_rows_and_quotes() -> None:
    evil = b"\n".join(b"\\" + command.encode() for command in COMMANDS if command != ".")
    rows = b"\n".join(b"1\t\\\\" + command.encode() for command in COMMANDS) + b"\n"
    dump = a_dump(
        USERS,
        b"CREATE FUNCTION public.f() RETURNS void\n    LANGUAGE sql\n    AS $_$\n" + evil + b"\n$_$;",
        b"COPY public.users (id, email) FROM stdin;\n" + rows + b"\\.\n",
        b"COMMENT ON TABLE public.users IS '\n" + evil + b"\n';",
    )
    events = read(dump)
    data = [event for event in events if isinstance(event, TableData)]
    assert [bytes(event.rows) for event in data] == [rows]
    assert isinstance(events[-1], End)


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
