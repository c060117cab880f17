"""Where the values of a block of COPY lines are, and the block as pieces that can be taken in any order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np
import pyarrow as pa

from sanitisers.engine.copy_text import decode
from sanitisers.engine.values import Bytes, Positions, Values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Flags: TypeAlias = "NDArray[np.bool_]"
Pieces: TypeAlias = "pa.BinaryArray | pa.LargeBinaryArray"

PADDING = 16
TAB, NEWLINE, BACKSLASH, CAPITAL_N = 9, 10, 92, 78


class Ragged(Exception):
    """A line has not the right number of values.

    Attributes:
        row: its index in the block, from 0.
        what: what is wrong with it.
    """

    def __init__(self, row: int, what: str) -> None:
        self.row, self.what = row, what
        super().__init__(what)


def separators(block: Bytes, columns: int) -> Positions:
    """Where the values end: an array of shape (rows, columns), the last of each row being its newline.

    In COPY text a tab or a newline inside a value is always escaped, so each one found is a separator.
    Raises Ragged where a row has more or fewer values than `columns`.
    """
    # Only 9 and 10 are below 2 after 9 is taken away: smaller bytes wrap round.
    found = marked((block - np.uint8(TAB)) < 2)
    whole = bool(block[-1] == NEWLINE) if len(block) else True
    if whole and len(found) % columns == 0:
        grid = found.reshape(-1, columns)
        kinds = block[grid]
        if bool((kinds[:, :-1] == TAB).all() and (kinds[:, -1] == NEWLINE).all()):
            return grid
    raise _first_ragged(block.tobytes(), columns)


def marked(flags: Flags) -> Positions:
    """The places that are true, where few of many are: eight at a time are passed over at once."""
    whole = len(flags) & ~7
    some = (flags[:whole].view(np.uint64) != 0).nonzero()[0]
    inside = flags[:whole].view(np.uint64).take(some).view(np.bool_).nonzero()[0]
    found = (some.take(inside >> 3) << 3) + (inside & 7)
    return found if whole == len(flags) else np.append(found, whole + flags[whole:].nonzero()[0])


def _first_ragged(block: bytes, columns: int) -> Ragged:
    lines = block.split(b"\n")
    del lines[-1]  # what follows the last newline
    for row, line in enumerate(lines):
        if (values := line.count(b"\t") + 1) != columns:
            return Ragged(row, f"{values} values where the table has {columns} columns")
    return Ragged(len(lines), "the block ends inside this row")


@dataclass(frozen=True, slots=True)
class Column:
    """The values of one column of a block.

    Attributes:
        values: where they are.
        null: which of them are NULL.
        empty: which of them are the empty string.
    """

    values: Values
    null: Flags
    empty: Flags

    @classmethod
    def of(cls, block: Bytes, grid: Positions, index: int) -> Column:
        """Column `index` (from 0) of the block whose separators are `grid`."""
        ends = grid[:, index]
        if index:
            starts = grid[:, index - 1] + 1
        else:
            starts = np.concatenate((np.zeros(1, np.int64), grid[:-1, -1] + 1)) if len(grid) else ends
        lengths = ends - starts
        null = nulls(block, starts, lengths)
        return cls(Values(block, starts, np.ascontiguousarray(ends)), null, lengths == 0)

    def only(self, rows: Flags) -> Values:
        """The values of some rows, unescaped: as the server will hold them; a tab or a newline is between them."""
        if bool(rows.all()):
            return unescaped(self.values, apart=1)
        chosen = np.flatnonzero(rows)
        values = self.values
        return unescaped(Values(values.buffer, values.starts[chosen], values.ends[chosen]), apart=1)


def nulls(block: Bytes, starts: Positions, lengths: Positions) -> Flags:
    """Which values are the two bytes that stand for NULL."""
    two: Flags = lengths == 2
    candidates = np.flatnonzero(two)
    at = starts[candidates]
    two[candidates] = (block[at] == BACKSLASH) & (block[at + 1] == CAPITAL_N)
    return two


def unescaped(values: Values, apart: int = 0) -> Values:
    """The same values with COPY's escapes undone, in a buffer of their own; none of them is NULL. See end_to_end."""
    values = end_to_end(values, apart)
    escaped = with_backslash(values)
    if not len(escaped):
        return values
    buffer = values.buffer
    plain = Values.of(
        [
            decode(buffer[start:end].tobytes()) + b"\n"
            for start, end in zip(values.starts[escaped].tolist(), values.ends[escaped].tolist(), strict=True)
        ]
    )
    starts, ends = values.starts.copy(), values.ends.copy()
    starts[escaped] = plain.starts + len(buffer)
    ends[escaped] = plain.ends + len(buffer) - 1
    return Values(np.concatenate((buffer, plain.buffer)), starts, ends)


def end_to_end(values: Values, apart: int = 0) -> Values:
    """The same values laid end to end, with PADDING zeros behind the last, so that any of them can be read in steps.

    With `apart`, so many bytes of what is behind each value in its buffer stay between it and the next.
    """
    if not len(values.starts):
        return Values(np.zeros(PADDING, np.uint8), values.starts, values.ends)
    # Values may lie in any order; Arrow only wants the last edge not to be before the first.
    edges = np.empty(2 * len(values.starts) + 2, np.int64)
    edges[0], edges[-1] = 0, len(values.buffer)
    edges[1:-1:2], edges[2:-1:2] = values.starts, values.ends + apart
    gaps = binary_array(edges if len(values.buffer) >= 2**30 else edges.astype(np.int32), buffer_of(values.buffer))
    taken = gaps.take(pa.array(np.arange(1, len(edges) - 1, 2), pa.int64()))
    lengths = values.ends - values.starts + apart
    ends = np.cumsum(lengths)
    size = int(lengths.sum())
    text = np.empty(size + PADDING, np.uint8)
    text[size:] = 0
    if size:
        data = taken.buffers()[2]
        assert data is not None
        text[:size] = np.frombuffer(memoryview(data), np.uint8, size)
    return Values(text, ends - lengths, ends - apart)


def with_backslash(values: Values) -> Positions:
    """The indexes of the values that hold a backslash."""
    marks = marked(values.buffer == BACKSLASH)
    if not len(marks):
        return np.empty(0, np.int64)
    before = np.searchsorted(marks, values.starts, "left")
    return np.flatnonzero(np.searchsorted(marks, values.ends, "left") > before)


def pieces_of(rows: bytes | memoryview, grid: Positions, cuts: Sequence[int]) -> Pieces:
    """The block cut at both ends of the values of some columns: gap, value, gap, value, …, gap.

    Value `j` of row `i` is piece `2 * (i * len(cuts) + j) + 1`, the gap before it the piece before it. No byte
    is copied.
    """
    edges = np.empty((len(grid), 2 * len(cuts)), np.int64)
    for place, index in enumerate(cuts):
        edges[:, 2 * place + 1] = grid[:, index]
        if index:
            edges[:, 2 * place] = grid[:, index - 1] + 1
        else:
            edges[0, 2 * place] = 0
            edges[1:, 2 * place] = grid[:-1, -1] + 1
    size = len(rows)
    offsets = np.empty(edges.size + 2, np.int64)
    offsets[0], offsets[1:-1], offsets[-1] = 0, edges.reshape(-1), size
    return binary_array(offsets if size >= 2**30 else offsets.astype(np.int32), pa.py_buffer(rows))


def binary_array(offsets: NDArray[np.int32] | NDArray[np.int64], data: pa.Buffer) -> Pieces:
    """An Arrow array of the bytes between neighbouring offsets, without a copy."""
    kind = pa.large_binary() if offsets.dtype == np.int64 else pa.binary()
    return cast("Pieces", pa.Array.from_buffers(kind, len(offsets) - 1, [None, buffer_of(offsets), data]))


def buffer_of(array: NDArray[Any]) -> pa.Buffer:
    """The bytes of a contiguous array, without a copy."""
    return pa.py_buffer(array.data)
