"""Statements, rows, comments: where each begins and ends."""

from __future__ import annotations

from itertools import pairwise

import pglast
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmrefresh.dump.events import Place
from dmrefresh.dump.lexer import Backslash, Comment, Finish, Piece, Sql, lex
from dmrefresh.dump.limits import MIB, Limits
from dmrefresh.dump.rows import Rows, RowsUnreadable
from dmrefresh.errors import DumpDamaged, DumpRefused

ONE_STATEMENT = [
    b"SELECT 'a;b'",
    b"SELECT 'it''s; \\'",
    rb"SELECT E'it\'s; \\'",
    rb"SELECT E'doubled '' quote; \' hidden'",
    b"SELECT E'first'\n  'second \\'; still'",
    b"SELECT E'first' -- with ' a comment\n -- and another\n'second \\'; still'",
    b"SELECT e'\\\\', ';'",
    rb"SELECT te FROM e WHERE me='\'",
    b"SELECT U&'d\\0061t\\+000061;', U&\"d\\0061;\"",
    b"SELECT B'10', X'1F', N';'",
    b'SELECT "a;b", "a""b;", "--", "/*", "$$", "\'"',
    b"SELECT 1 -- a comment; with ' and \" and $$\n",
    b"SELECT 1 /* a; /* nested; ' */ still; */ + 2",
    b"SELECT 1 /*/ ; */",
    b"SELECT 1 +/* ; */ 2 --;\n",
    b"SELECT $$a;'b$$",
    b"SELECT $tag$a;$$;$other$;$tag$",
    b"SELECT $_$a;$1;$$;$_$",
    "SELECT $été$;$été$".encode(),
    b"SELECT a$b$, c$ FROM x$$y",
    b"SELECT $1, $2 || $$;$$",
    b"CREATE RULE r AS ON UPDATE TO t DO INSTEAD (DELETE FROM a; DELETE FROM b)",
    b"CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT CASE WHEN a THEN 1 END; END",
    b"CREATE OR REPLACE PROCEDURE f(begin int) LANGUAGE sql begin\n ATOMIC SELECT begin; SELECT (1); END",
    b"create function f(atomic int) returns int language sql BEGIN ATOMIC SELECT CASE begin WHEN 1 THEN "
    b"CASE WHEN x THEN 2 END ELSE 3 END; END",
    b"CREATE FUNCTION begin() RETURNS begin LANGUAGE sql AS $$;$$",
    b"CREATE TABLE t (begin int, atomic int)",
    b"BEGIN",
    b"CREATE VIEW begin_atomic AS SELECT begin atomic FROM t",
]
"""Each of these is one statement for PostgreSQL."""


@pytest.mark.parametrize("text", ONE_STATEMENT)
def test_a_semicolon_in_quotes_comments_parentheses_or_a_body_ends_nothing(text: bytes) -> None:
    assert list(lex([text + b";" + text + b";"])) == [
        Sql(text, Place(1, 0)),
        Sql(text, Place(1 + text.count(b"\n"), len(text) + 1)),
        Finish(Place(1 + 2 * text.count(b"\n"), 2 * len(text) + 2)),
    ]


@pytest.mark.parametrize("text", ONE_STATEMENT)
def test_a_statement_is_the_same_one_byte_at_a_time(text: bytes) -> None:
    assert _byte_by_byte(text + b"; SELECT 2;") == list(lex([text + b"; SELECT 2;"]))


@pytest.mark.parametrize("text", ONE_STATEMENT)
def test_a_statement_cut_anywhere_is_damaged(text: bytes) -> None:
    for end in range(1, len(text) + 1):
        with pytest.raises(DumpDamaged):
            list(lex([text[:end]]))


@pytest.mark.parametrize("text", [text for text in ONE_STATEMENT if b"CREATE VIEW" not in text])
def test_postgresql_takes_each_for_one_statement_too(text: bytes) -> None:
    assert len(pglast.parse_sql(text.decode())) == 1


_ITEMS = st.one_of(
    st.sampled_from(
        [
            "'a;b''c\\'",
            r"E'\';\\'",
            "E'a'\n'\\';'",
            "'a'\n';'",
            '"a;""b"',
            "$$;'$$",
            "$a$;$b$;$$;$a$",
            "1 /* ; /* ' */ */",
            "2 -- ; '\n",
            "U&';'",
            "x.y$z$w",
            "(SELECT 1)",
            "CASE WHEN true THEN 1 END",
            "- /*;*/ - 3",
            "E'\\\\' || \"e\"",
        ]
    ),
    st.text(alphabet="a'\"$\\;-/* \n", max_size=12).map(lambda text: "'" + text.replace("'", "''") + "'"),
    st.text(alphabet="a'\"\\;-/* \n", max_size=12).map(lambda text: f"$q${text}$q$"),
    st.text(alphabet="a'\"\\;-/*\n", max_size=12).map(
        lambda text: "E'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
    ),
)


@given(st.lists(st.lists(_ITEMS, min_size=1, max_size=5), min_size=1, max_size=4))
def test_statements_end_where_the_parser_of_postgresql_ends_them(statements: list[list[str]]) -> None:
    text = "".join(f"SELECT {', '.join(items)};\n" for items in statements)
    assert _ends(text) == _ends_by_postgresql(text)


def _ends(text: str) -> list[int]:
    pieces = lex([text.encode()])
    return [piece.place.offset + len(piece.text) for piece in pieces if isinstance(piece, Sql)]


def _ends_by_postgresql(text: str) -> list[int]:
    return [int(one.stmt_location or 0) + int(one.stmt_len or 0) for one in pglast.parse_sql(text)]


def test_comments_and_backslash_lines_at_top_level_are_told_from_statements() -> None:
    text = b"--  one \n\\restrict x\n/* /* ; */ */ ;;\nSELECT 1; -- two\n--\n"
    assert list(lex([text])) == [
        Comment(b"one", Place(1, 0)),
        Backslash(b"\\restrict x", Place(2, 9)),
        Sql(b"SELECT 1", Place(4, 38), text[:38]),
        Comment(b"two", Place(4, 48)),
        Comment(b"", Place(5, 55)),
        Finish(Place(6, 58), text[47:]),
    ]


_ROWS = {
    "none": (b"", 0),
    "an empty line": (b"\n", 1),
    "many": (b"1\ta\n2\tb\n\n", 3),
    "almost an end": (b"\\.x\n\\\\.\nx\\.\n \\.\n\\. \n", 5),
    "SQL": (b"COPY x FROM stdin;\n'\n$$\n\\restrict x\n-- PostgreSQL database dump complete\n", 5),
}


@pytest.mark.parametrize("rows", _ROWS)
def test_only_a_line_with_the_end_mark_alone_ends_the_rows(rows: str) -> None:
    data, count = _ROWS[rows]
    text = b"COPY a (b) FROM stdin;\n" + data + b"\\.\nSELECT 1;\n"
    expected = [
        Sql(b"COPY a (b) FROM stdin", Place(1, 0)),
        Rows(data, count, Place(2, 23), last=True),
        Sql(b"SELECT 1", Place(3 + count, 26 + len(data))),
        Finish(Place(4 + count, len(text)), b"\n"),
    ]
    assert list(lex([text])) == expected
    assert _byte_by_byte(text) == expected


@given(
    st.lists(st.lists(st.binary(max_size=9).map(lambda line: line.translate(None, b"\r\n\0"))), max_size=4),
    st.data(),
)
def test_rows_are_the_same_at_any_cutting(copies: list[list[bytes]], data: st.DataObject) -> None:
    text = b"".join(
        b"COPY t FROM stdin;\n" + b"".join(line + b"\n" for line in lines if line != b"\\.") + b"\\.\n"
        for lines in copies
    )
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)))) | {0, len(text)})
    blocks = [text[start:end] for start, end in pairwise(cuts)]
    assert list(lex(blocks)) == list(lex([text]))


def test_rows_come_in_blocks_of_whole_lines_of_about_a_mebibyte() -> None:
    line = b"x" * 999 + b"\n"
    text = b"COPY a FROM stdin;\n" + line * 5000 + b"\\.\n"
    for size in (64 * 1024, MIB, len(text)):
        blocks = [text[start : start + size] for start in range(0, len(text), size)]
        rows = [piece for piece in lex(blocks) if isinstance(piece, Rows)]
        assert b"".join(piece.data for piece in rows) == line * 5000
        assert all(piece.count * 1000 == len(piece.data) for piece in rows)
        assert all(MIB * 7 // 8 <= len(piece.data) <= 2 * MIB for piece in rows[:-1])
        assert [piece.last for piece in rows] == [False] * (len(rows) - 1) + [True]
        assert [piece.place.line for piece in rows] == [
            2 + sum(before.count for before in rows[:index]) for index in range(len(rows))
        ]


@pytest.mark.parametrize("cut", [1, MIB])
@pytest.mark.parametrize(
    ("rows", "row", "line"),
    [
        (b"", 1, 1),
        (b"\n", 1, 2),
        (b"\n1", 1, 2),
        (b"\n1\ta\n", 2, 3),
        (b"\n1\ta\n2\tb", 2, 3),
        (b"\n1\ta\n2\tb\n", 3, 4),
        (b"\n1\ta\n2\tb\n\\", 3, 4),
        (b"\n1\ta\n2\tb\n\\.", 3, 4),
    ],
)
def test_the_end_of_the_text_does_not_end_the_rows(rows: bytes, row: int, line: int, cut: int) -> None:
    text = b"COPY t FROM stdin;" + rows
    with pytest.raises(RowsUnreadable) as caught:
        list(lex([text[start : start + cut] for start in range(0, len(text), cut)]))
    assert caught.value.damaged
    assert (caught.value.row, caught.value.place.line) == (row, line)


@pytest.mark.parametrize(("byte", "what"), [(b"\r", "carriage return"), (b"\0", "NUL")])
@pytest.mark.parametrize("cut", [1, 7, MIB])
def test_a_raw_control_byte_in_a_row_is_refused_with_its_place(byte: bytes, what: str, cut: int) -> None:
    text = b"SELECT 1;\nCOPY t FROM stdin;\n1\ta\n2\tb" + byte + b"\n\\.\n"
    with pytest.raises((RowsUnreadable, DumpRefused)) as caught:
        list(lex([text[start : start + cut] for start in range(0, len(text), cut)]))
    assert what in str(caught.value)
    assert "line 4, byte 36" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (b"SELECT 1;\r\n", "line 1, byte 9"),
        (b"-- a comment\r\n", "line 1, byte 12"),
        (b"SELECT\r\n1;\n", "line 1, byte 6"),
        (b"\\restrict x\r\n", "line 1, byte 0"),
        (b"SELECT 1 -- a\rDROP TABLE x\n;\n", "line 1, byte 13"),
        (b"SELECT 1;\n\nSELECT \\! id;\n", "line 3, byte 18"),
        (b"SELECT 1; \\! id\n", "line 1, byte 10"),
        (b"SELECT '\0';\n", "line 1, byte 8"),
    ],
)
def test_what_stands_in_no_dump_is_refused_with_its_place(text: bytes, place: str) -> None:
    for blocks in ([text], [bytes([byte]) for byte in text]):
        with pytest.raises(DumpRefused, match=place):
            list(lex(blocks))


def test_carriage_returns_within_quotes_are_text() -> None:
    text = b"SELECT 'a\r\n', \"b\r\", $$\r\n$$, E'\r' /* \r */"
    assert next(iter(lex([text + b";"]))) == Sql(text, Place(1, 0))


@pytest.mark.parametrize("cut", [1, 3, 1000])
@pytest.mark.parametrize(
    "text",
    [
        b"SELECT '" + b"x" * 200 + b"';",
        b"SELECT " + b"x" * 200 + b";",
        b"SELECT " + b" " * 200 + b";",
        b"-- " + b"x" * 200 + b"\n",
        b"/* " + b"x" * 200 + b" */",
        b"\\" + b"x" * 200 + b"\n",
        b"SELECT $$" + b"x" * 200 + b"$$;",
        b"SELECT $" + b"x" * 200 + b";",
        b"SELECT E'" + b"\\\\" * 100 + b"';",
    ],
)
def test_a_statement_over_the_limit_is_refused_however_it_comes(text: bytes, cut: int) -> None:
    blocks = [text[start : start + cut] for start in range(0, len(text), cut)]
    with pytest.raises(DumpRefused, match=r"100 bytes at line 1, byte 0\."):
        list(lex(blocks, Limits(statement=100)))
    assert isinstance(list(lex(blocks, Limits(statement=1000)))[-1], Finish)


@pytest.mark.parametrize("cut", [1, 1000, 4096])
def test_a_word_that_can_be_no_name_is_refused_however_it_comes(cut: int) -> None:
    text = b"SELECT " + b"x" * 1024 + b", " + b"x" * 1025 + b";"
    with pytest.raises(DumpRefused, match="more than 1024 bytes at line 1, byte 1033"):
        list(lex([text[start : start + cut] for start in range(0, len(text), cut)]))


@pytest.mark.parametrize("cut", [1, 50, 1000])
def test_a_row_over_the_limit_is_refused_with_its_number(cut: int) -> None:
    text = b"COPY t FROM stdin;\n1\n2\n" + b"x" * 101 + b"\n\\.\n"
    blocks = [text[start : start + cut] for start in range(0, len(text), cut)]
    with pytest.raises(RowsUnreadable, match="row 3, line 4, byte 23: longer than 100 bytes"):
        list(lex(blocks, Limits(row=100)))
    assert isinstance(list(lex(blocks, Limits(row=101)))[-1], Finish)


@given(st.binary(max_size=200))
def test_any_bytes_are_split_or_refused_the_same_at_any_cutting(text: bytes) -> None:
    assert _outcome([text]) == _outcome([bytes([byte]) for byte in text])


@given(st.text(alphabet="a'\"$\\;-/*() \nE\r_1", max_size=60).map(lambda text: text.encode()))
def test_any_punctuation_is_split_or_refused_the_same_at_any_cutting(text: bytes) -> None:
    assert _outcome([text]) == _outcome([bytes([byte]) for byte in text])


def _outcome(blocks: list[bytes]) -> list[Piece] | str:
    try:
        return list(lex(blocks))
    except (DumpDamaged, DumpRefused, RowsUnreadable) as error:
        # A NUL is seen as soon as it is received, and so before what a later byte would have shown.
        return "NUL" if b"\0" in b"".join(blocks) else f"{type(error).__name__}: {error}"


def _byte_by_byte(text: bytes) -> list[Piece]:
    return list(lex([bytes([byte]) for byte in text]))


@pytest.mark.parametrize(
    "filling", [b" ", b"--" + b"x" * 62, b"\n-- y"], ids=["blanks", "one comment", "many comments"]
)
def test_what_may_part_a_string_is_passed_once_however_long_it_is(filling: bytes) -> None:
    """A quadratic search would not come to an end within the time that a test has."""
    much = filling * ((24 << 20) // len(filling))
    blocks = [b"SELECT E'x'", *(much[start : start + 4096] for start in range(0, len(much), 4096)), b"\n'y';"]
    (statement, _) = lex(blocks)
    assert isinstance(statement, Sql)
    assert statement.text.endswith(b"'y'")


def test_a_dollar_quote_whose_tag_never_ends_is_refused() -> None:
    with pytest.raises(DumpRefused, match="a word of more than 1024 bytes at line 1, byte 7"):
        list(lex([b"SELECT $", *[b"a" * 64] * 32]))
