"""Statements, rows, comments: where each begins and ends."""

from __future__ import annotations

import pglast
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmrefresh.dump.events import Place
from dmrefresh.dump.text.lexer import Backslash, Comment, Finish, Piece, Sql, lex
from dmrefresh.dump.text.limits import MIB, Limits
from dmrefresh.dump.text.rows import RowsUnreadable
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


@pytest.mark.parametrize(
    ("before", "words"),
    [
        (b"CREATE FUNCTION public.f() RETURNS integer LANGUAGE sql AS begin x ", b"atomic "),
        (b"CREATE " + b" " * MIB + b"TABLE ", b"begin atomic "),
    ],
    ids=["behind a word", "far from CREATE"],
)
def test_the_words_of_a_routine_are_each_looked_at_once(before: bytes, words: bytes) -> None:
    """A quadratic search would not come to an end within the time that a test has."""
    text = before + words * ((8 << 20) // len(words))
    (statement, _) = lex([text, b";"])
    assert isinstance(statement, Sql)
    assert statement.text == text
