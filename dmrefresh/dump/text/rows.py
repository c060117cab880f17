"""Cuts the rows of a COPY into blocks of whole lines.

This is where nearly all bytes of a dump go through, so each block is looked at by a few searches in C and copied
once. Only a line that is exactly `\\.` ends the rows (manual of COPY, "Text Format"): psql takes the end of
the file for it, and so commits half a table.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dmrefresh.dump.events import Place
from dmrefresh.dump.text.limits import MIB

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from dmrefresh.dump.text.window import Window

    Bytes = npt.NDArray[np.uint8]
    Flags = npt.NDArray[np.bool_]

ENOUGH = MIB - MIB // 8
"""A block of this many bytes is handed on; smaller ones are gathered."""

_NEAR = 1 << 15
_LARGE = 16 * MIB
"""A block of more bytes is searched in place."""

_MANY = 64
"""Backslashes in a row that are counted in all places at once."""

_NEWLINE, _BACKSLASH, _DOT = b"\n\\."
_END = b"\\.\n"
_NEWLINE_END = b"\n\\.\n"
_MARK = b"\\."
_STRAY_MARK = re.compile(rb"(?<!\\)(?:\\\\)*+\\\.")


@dataclass(frozen=True, slots=True)
class Rows:
    """Whole lines of one COPY; `last` is true in exactly one block of it, which may be empty."""

    data: bytes
    count: int
    place: Place
    last: bool


class RowsUnreadable(Exception):
    """The rows of a COPY are cut short or hold what no dump does; whoever knows the table says so.

    Attributes:
        what: a phrase about the rows, without their content.
        row: the row it happened in, from 1.
        place: where.
        damaged: whether the dump is cut short, rather than wrong.
    """

    def __init__(self, what: str, row: int, place: Place, *, damaged: bool = False) -> None:
        super().__init__(f"row {row}, {place}: {what}")
        self.what = what
        self.row = row
        self.place = place
        self.damaged = damaged


def read_rows(window: Window) -> Iterator[Rows]:
    """Read the rows that follow a COPY statement, and the line that ends them.

    Args:
        window: just behind the semicolon.

    Yields:
        Blocks of about 1 MiB, larger only where a single row is.

    Raises:
        RowsUnreadable: the dump ends here, or a row is too long or holds a NUL or a raw carriage return.
    """
    _skip_line_end(window)
    few = _all_near(window)
    if few is not None:
        yield few
        return
    gathered, size, count, before = [], 0, 0, 0
    place = window.place()
    scan = _Scan()
    begun = bytearray()  # the row that the last block cut
    while True:
        block = window.take()
        cut = block.rfind(b"\n") + 1
        if not cut:
            begun += block
            if not block or len(begun) > window.limits.row:
                raise _unfinished(window, before + count + 1, damaged=not block)
            continue
        lines = b"".join((begun, memoryview(block)[:cut]))
        begun[:] = memoryview(block)[cut:]
        found, end = scan.count_and_end(lines)
        if end is not None:
            rest, lines = lines[end + len(_END) :], lines[:end]
        _check(lines, window, before + count)
        if scan.marks:
            _refuse_stray_marks(lines, window, before + count)
        window.advance(len(lines), found)
        gathered.append(lines)
        size += len(lines)
        count += found
        if end is not None:
            yield Rows(b"".join(gathered), count, place, last=True)
            window.advance(len(_END), 1)
            window.give_back(rest + begun)
            return
        if size >= ENOUGH:
            yield Rows(b"".join(gathered), count, place, last=False)
            before += count
            gathered, size, count = [], 0, 0
            place = window.place()


def _all_near(window: Window) -> Rows | None:
    """All rows of a small table; thousands of them may share a block, which must not be gone through for each."""
    near = bytes(window.data[:_NEAR])
    end = _end_of_rows(near)
    if end is None:
        return None
    rows = Rows(near[:end], near.count(b"\n", 0, end), window.place(), last=True)
    _check(rows.data, window, 0)
    _refuse_stray_marks(rows.data, window, 0)
    window.consume(end + len(_END))
    return rows


def _end_of_rows(lines: bytes) -> int | None:
    """Where the line that ends the rows begins; None where it is not among these."""
    return 0 if lines.startswith(_END) else lines.find(_NEWLINE_END) + 1 or None


class _Scan:
    """Looks at blocks of whole lines, in memory that is taken once: fresh memory costs more than the looking.

    Attributes:
        marks: whether there may be an end mark within a line of the last block.
    """

    def __init__(self) -> None:
        self.marks = False
        self._newlines = np.empty(0, np.bool_)
        self._backslashes = np.empty(0, np.bool_)
        self._dots = np.empty(0, np.bool_)

    def count_and_end(self, lines: bytes) -> tuple[int, int | None]:
        """How many lines there are before the one that ends the rows, and where that one begins, if it is there.

        A search for the whole mark takes several times as long as seeing that no line begins with a
        backslash, which is so in nearly every block.
        """
        if len(lines) > _LARGE:  # a single row, most likely, of which three arrays more would be too much
            self.marks = b"\\" in lines
            end = _end_of_rows(lines) if self.marks else None
            return lines.count(b"\n", 0, len(lines) if end is None else end), end
        block = np.frombuffer(lines, np.uint8)
        if len(block) > len(self._newlines):
            self._newlines = np.empty(len(block), np.bool_)
            self._backslashes = np.empty(len(block), np.bool_)
            self._dots = np.empty(len(block), np.bool_)
        newlines = np.equal(block, _NEWLINE, out=self._newlines[: len(block)])
        backslashes = np.equal(block, _BACKSLASH, out=self._backslashes[: len(block)])
        self.marks = False
        if backslashes.any():
            self.marks = self._has_marks(block, backslashes)
            begins_a_line = np.logical_and(newlines[:-1], backslashes[1:], out=backslashes[1:])
            if backslashes[0] or begins_a_line.any():
                end = _end_of_rows(lines)
                if end is not None:
                    return lines.count(b"\n", 0, end), end
        return int(np.count_nonzero(newlines)), None

    def _has_marks(self, block: Bytes, backslashes: Flags) -> bool:
        """Whether an odd number of backslashes stands before some dot: of an even one, each pair is a backslash of
        the value. Where there are very many in a row, there may be a mark."""
        dots = np.equal(block, _DOT, out=self._dots[: len(block)])
        marks = np.logical_and(backslashes[:-1], dots[1:], out=dots[1:])
        left = np.flatnonzero(marks)
        for length in range(1, _MANY):
            if not len(left):
                return False
            more = backslashes.take(left - length, mode="clip") & (left >= length)
            if length % 2 and not more.all():
                return True
            left = left[more]
        return len(left) > 0


def _skip_line_end(window: Window) -> None:
    """Consume the newline behind the statement: rows begin on the line after it."""
    if not window.data and not window.more():
        raise RowsUnreadable("the dump ends before them", 1, window.place(), damaged=True)
    if window.data[0] != 0x0A:
        raise RowsUnreadable("something stands on the line of the statement behind it", 1, window.place())
    window.consume(1)


def _unfinished(window: Window, row: int, *, damaged: bool) -> RowsUnreadable:
    what = "the dump ends inside them" if damaged else _too_long(window)
    return RowsUnreadable(what, row, window.place(), damaged=damaged)


def _too_long(window: Window) -> str:
    return f"longer than {window.limits.row} bytes, the limit (row_mib under [limits] in dmrefresh.toml)"


def _check(lines: bytes, window: Window, before: int) -> None:
    """Refuse what pg_dump never writes into rows: it escapes a carriage return, and text holds no NUL."""
    for byte, what in ((b"\r", "a raw carriage return"), (b"\0", "a NUL byte")):
        found = lines.find(byte)
        if found >= 0:
            above = lines.count(b"\n", 0, found)
            place = Place(window.line + above, window.offset + found)
            raise RowsUnreadable(what, before + above + 1, place)
    if len(lines) > window.limits.row:
        _check_lengths(lines, window, before)


def _refuse_stray_marks(lines: bytes, window: Window, before: int) -> None:
    """Refuse an end mark that does not stand alone: servers before 18 end the rows there, and drop what follows.

    Without the pairs that stand for one backslash each, only those are left that hide the byte after them.
    """
    if _MARK not in lines or _MARK not in lines.replace(b"\\\\", b""):
        return
    found = _STRAY_MARK.search(lines)
    assert found is not None, "it is left only where the number of backslashes is odd"
    at = found.end() - len(_MARK)
    above = lines.count(b"\n", 0, at)
    place = Place(window.line + above, window.offset + at)
    raise RowsUnreadable("\\. within a row", before + above + 1, place)


def _check_lengths(lines: bytes, window: Window, before: int) -> None:
    start = 0
    for above, line in enumerate(lines.split(b"\n")):
        if len(line) > window.limits.row:
            place = Place(window.line + above, window.offset + start)
            raise RowsUnreadable(_too_long(window), before + above + 1, place)
        start += len(line) + 1
