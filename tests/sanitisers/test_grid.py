"""Each kernel beside its plain twin."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sanitisers.engine.copy_text import decode
from sanitisers.engine.grid import Column, Ragged, marked, nulls, pieces_of, separators, unescaped, with_backslash
from sanitisers.engine.values import Values

value = st.lists(st.sampled_from([b"a", b"", rb"\N", rb"\\", rb"\t", b"\xff", b"N", b" "]), max_size=3).map(b"".join)


@st.composite
def tables(draw: st.DrawFn) -> tuple[int, list[list[bytes]]]:
    width = draw(st.integers(1, 5))
    return width, draw(st.lists(st.lists(value, min_size=width, max_size=width), max_size=6))


def block_of(rows: list[list[bytes]]) -> bytes:
    return b"".join(b"\t".join(row) + b"\n" for row in rows)


def split(values: Values) -> list[bytes]:
    return [values.buffer[a:b].tobytes() for a, b in zip(values.starts, values.ends, strict=True)]


@given(tables())
def test_a_column_holds_what_splitting_the_lines_gives(table: tuple[int, list[list[bytes]]]) -> None:
    width, rows = table
    block = np.frombuffer(block_of(rows), np.uint8)
    grid = separators(block, width)
    for index in range(width):
        column = Column.of(block, grid, index)
        expected = [row[index] for row in rows]
        assert split(column.values) == expected
        assert column.null.tolist() == [text == rb"\N" for text in expected]
        assert column.empty.tolist() == [text == b"" for text in expected]


@given(st.lists(st.sampled_from([b"\t", b"\n", b"a", b"bc"]), max_size=12).map(b"".join), st.integers(1, 4))
def test_a_block_is_refused_exactly_when_a_line_has_another_number_of_values(block: bytes, width: int) -> None:
    *lines, tail = block.split(b"\n")
    wrong = [i for i, line in enumerate(lines) if len(line.split(b"\t")) != width] + ([len(lines)] if tail else [])
    if not wrong:
        assert len(separators(np.frombuffer(block, np.uint8), width)) == len(lines)
        return
    with pytest.raises(Ragged) as refused:
        separators(np.frombuffer(block, np.uint8), width)
    assert refused.value.row == wrong[0]


@given(tables(), st.data())
def test_the_pieces_of_a_block_are_its_values_and_what_is_between_them(
    table: tuple[int, list[list[bytes]]], data: st.DataObject
) -> None:
    width, rows = table
    if not rows:
        return
    cuts = sorted(data.draw(st.sets(st.integers(0, width - 1), min_size=1)))
    text = block_of(rows)
    pieces = pieces_of(text, separators(np.frombuffer(text, np.uint8), width), cuts).to_pylist()
    assert b"".join(pieces) == text  # type: ignore[arg-type]
    assert pieces[1::2] == [row[index] for row in rows for index in cuts]


@given(st.lists(value))
def test_values_are_unescaped_as_one_by_one(values: list[bytes]) -> None:
    packed = Values.of(values)
    assert split(unescaped(packed)) == [decode(text) for text in values]
    assert with_backslash(packed).tolist() == [i for i, text in enumerate(values) if b"\\" in text]
    assert nulls(packed.buffer, packed.starts, packed.ends - packed.starts).tolist() == [t == rb"\N" for t in values]


@given(st.lists(st.booleans(), max_size=70), st.integers(0, 9))
def test_marked_places_are_all_that_are_true(flags: list[bool], start: int) -> None:
    some = np.array(flags, np.bool_)[start:]
    assert marked(some).tolist() == np.flatnonzero(some).tolist()
