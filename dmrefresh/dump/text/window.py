"""The part of a dump that has been received and not yet understood, and where in the dump it lies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmrefresh.dump.events import Place
from dmrefresh.dump.text.limits import MIB, Limits
from dmrefresh.errors import DumpDamaged, DumpRefused

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Window:
    """Bytes received but not consumed; every place it names counts from the start of the dump.

    Args:
        blocks: the plain text in pieces of any size.
        limits: how much may be held before it is refused.
    """

    def __init__(self, blocks: Iterable[bytes], limits: Limits) -> None:
        self.limits = limits
        self.data = bytearray()
        self.offset = 0
        self.line = 1
        self.at_line_start = True
        self._blocks = _at_most(blocks, MIB)
        self._passed = bytearray()

    def more(self) -> bool:
        """Append the next block to `data`; false where there is none.

        Raises:
            DumpRefused: the block holds a NUL, which no text of PostgreSQL can.
        """
        block = next(self._blocks, b"")
        self._append(block)
        return bool(block)

    def grow(self, what: str) -> None:
        """Append the next block, because `what` is not complete without it.

        Raises:
            DumpDamaged: there is no next block.
            DumpRefused: `what` is longer than the limit already.
        """
        self.check_length(len(self.data), what)
        if not self.more():
            raise DumpDamaged(f"The dump ends inside {what} that begins at {self.place()}.")

    def check_length(self, length: int, what: str) -> None:
        """Raise DumpRefused where `length` bytes are more than a statement may have."""
        if length > self.limits.statement:
            raise DumpRefused(
                f"The dump holds {what} of more than {self.limits.statement} bytes at {self.place()}.",
                hint="if this dump is meant to hold it, raise statement_mib under [limits] in dmrefresh.toml",
            )

    def place(self, index: int = 0) -> Place:
        """Where the byte of `data` at `index` lies in the dump."""
        return Place(self.line + self.data.count(b"\n", 0, index), self.offset + index)

    def consume(self, count: int) -> None:
        """Drop the first `count` bytes of `data`."""
        if count:
            self.at_line_start = self.data[count - 1] == 0x0A
            self.advance(count, self.data.count(b"\n", 0, count))
            del self.data[:count]

    def pass_over(self, count: int) -> None:
        """Consume what means nothing, and remember it: whoever writes the dump again wants every byte.

        Raises:
            DumpRefused: there is more of it between two statements than a statement may have.
        """
        if count:
            self._passed += memoryview(self.data)[:count]
            self.consume(count)
            self.check_length(len(self._passed), "blanks and comments")

    def passed(self) -> bytes:
        """What was passed over since this was last asked."""
        passed = bytes(self._passed)
        self._passed.clear()
        return passed

    def advance(self, count: int, lines: int) -> None:
        """Count bytes and lines that were consumed elsewhere."""
        self.offset += count
        self.line += lines

    def take(self) -> bytes:
        """All of `data`, or else the next block; empty at the end. The caller advances."""
        if self.data:
            block = bytes(self.data)
            self.data.clear()
            return block
        return next(self._blocks, b"")

    def give_back(self, block: bytes) -> None:
        """Make `block`, the rest of what was taken, the content of the window again."""
        self.at_line_start = True
        self._append(block)

    def _append(self, block: bytes) -> None:
        self.data += block
        found = block.find(b"\0")
        if found >= 0:
            place = self.place(len(self.data) - len(block) + found)
            raise DumpRefused(f"The dump holds a NUL byte at {place}: no dump of PostgreSQL does.")


def _at_most(blocks: Iterable[bytes], size: int) -> Iterator[bytes]:
    """The same bytes in blocks that are neither empty nor longer than `size`."""
    for block in blocks:
        if 0 < len(block) <= size:
            yield block
        else:
            view = memoryview(block)
            for start in range(0, len(view), size):
                yield bytes(view[start : start + size])
