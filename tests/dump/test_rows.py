"""The rows of a COPY: where they end, how they come, and what no row may hold."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmrefresh.dump.events import Place
from dmrefresh.dump.text.lexer import Finish, Sql, lex
from dmrefresh.dump.text.limits import MIB, Limits
from dmrefresh.dump.text.rows import Rows, RowsUnreadable
from dmrefresh.errors import DumpRefused

_ROWS = {
    "none": (b"", 0),
    "an empty line": (b"\n", 1),
    "many": (b"1\ta\n2\tb\n\n", 3),
    "almost an end": (b"\\\\.\n\\\\.x\nx\\\\.\n\\\\\\\\.\n\\N.\n", 5),
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
    assert list(lex([bytes([byte]) for byte in text])) == expected


@given(
    st.lists(
        st.lists(st.binary(max_size=9).map(lambda line: line.translate(None, b"\r\n\0").replace(b"\\", b"\\\\"))),
        max_size=4,
    ),
    st.data(),
)
def test_rows_are_the_same_at_any_cutting(copies: list[list[bytes]], data: st.DataObject) -> None:
    text = b"".join(b"COPY t FROM stdin;\n" + b"".join(line + b"\n" for line in lines) + b"\\.\n" for lines in copies)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)))) | {0, len(text)})
    blocks = [text[start:end] for start, end in pairwise(cuts)]
    assert list(lex(blocks)) == list(lex([text]))


@given(
    st.lists(
        st.lists(st.sampled_from([b"\\", b"\\\\", b".", b"x", b"\\" * 63, b"\\" * 64, b"\\" * 65]), max_size=6),
        max_size=4,
    )
)
def test_a_mark_within_a_row_is_refused_wherever_an_odd_number_of_backslashes_stands_before_a_dot(
    lines: list[list[bytes]],
) -> None:
    # Rows of more bytes than are looked at as one small table, each with something before the backslashes.
    rows = b"".join(b"x" + b"".join(line) + b"x\n" for line in lines) + b"y" * (1 << 16) + b"\n"
    odd = any(len(run[0]) % 2 == 0 for run in re.finditer(rb"\\+\.", rows))
    text = b"COPY a FROM stdin;\n" + rows + b"\\.\n"
    if not odd:
        assert sum(len(piece.data) for piece in lex([text]) if isinstance(piece, Rows)) == len(rows)
        return
    with pytest.raises(RowsUnreadable, match="within a row"):
        list(lex([text]))


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
    ("row", "at"), [(b"abc\\.", 3), (b"\\.x", 0), (b"\\. ", 0), (b"a\\\\\\.\t1", 3), (b"\\\\.\\.", 3)]
)
@pytest.mark.parametrize("rows", [0, 5000])
@pytest.mark.parametrize("cut", [1, 7, MIB])
def test_a_mark_within_a_row_that_a_server_could_take_for_the_end_is_refused(
    row: bytes, at: int, rows: int, cut: int
) -> None:
    before = b"SELECT 1;\nCOPY t FROM stdin;\n" + b"C:\\\\.x\n" * (rows if cut > 1 else 1)
    text = before + row + b"\n2\n\\.\n"
    lines = before.count(b"\n")
    with pytest.raises(RowsUnreadable, match=rf"^row {lines - 1}, line {lines + 1}, byte {len(before) + at}: \\\."):
        list(lex([text[start : start + cut] for start in range(0, len(text), cut)]))


@pytest.mark.parametrize("cut", [1, 50, 1000])
def test_a_row_over_the_limit_is_refused_with_its_number(cut: int) -> None:
    text = b"COPY t FROM stdin;\n1\n2\n" + b"x" * 101 + b"\n\\.\n"
    blocks = [text[start : start + cut] for start in range(0, len(text), cut)]
    with pytest.raises(RowsUnreadable, match="row 3, line 4, byte 23: longer than 100 bytes"):
        list(lex(blocks, Limits(row=100)))
    assert isinstance(list(lex(blocks, Limits(row=101)))[-1], Finish)
