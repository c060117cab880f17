"""Rows of a dump that is not in UTF-8: as UTF-8 for the sanitisers, and back into the dump's encoding.

Rows that a rule changes are believed only where the way back leads to the same bytes: what is kept of them then reaches
the target as the source wrote it, whatever Python's tables say. Rows that are only looked at need no way back.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dmrefresh.dump.events import Name, Place
from dmrefresh.dump.text.encodings import HINT, codec_of
from dmrefresh.dump.text.limits import MIB
from dmrefresh.errors import DumpRefused, NotSanitised

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmrefresh.dump.events import TableData

_PART = 4 * MIB
"""A larger block, which is a single long row, is worked off in parts: text takes up to four times its bytes."""

_ASCII_ALONE = bytes(range(128)) + b"?" * 128
_ASCII = re.compile(rb"[\x00-\x7f]")


@dataclass(frozen=True, slots=True)
class Transcoder:
    """Goes from a dump's encoding to UTF-8 and back.

    Attributes:
        encoding: as PostgreSQL names it.
        codec: as Python does.
    """

    encoding: str
    codec: str

    def to_utf8(self, block: TableData, first_row: int) -> bytes:
        """The rows of a block as UTF-8.

        Args:
            block: as the dump has it.
            first_row: the number of its first row in the table, for the message.

        Raises:
            DumpRefused: they hold bytes that are not of the encoding, or that it has two spellings for.
        """
        rows = bytes(block.rows)
        if rows.isascii():
            return rows
        done = []
        before = 0
        for part in _parts(rows):
            text, good = self._text(part)
            if good < len(part):
                raise self._unreadable(block, rows, before + good, first_row)
            done.append(text.encode())
            before += len(part)
        return b"".join(done)

    def roughly_utf8(self, block: TableData) -> bytes:
        """The rows of a block as UTF-8, to be looked at only: of those not in the encoding, what is ASCII."""
        rows = bytes(block.rows)
        try:
            return rows if rows.isascii() else rows.decode(self.codec).encode()
        except UnicodeDecodeError:
            return rows.translate(_ASCII_ALONE)

    def from_utf8(self, rows: bytes | memoryview, table: Name, first_row: int, *, exact: bool = True) -> bytes:
        """The rows in the encoding of the dump.

        Args:
            rows: sanitised, as UTF-8.
            table: whose they are, for the message.
            first_row: the number of the first of them in the table.
            exact: no row was left out of them, so that each can be named by its number.

        Raises:
            NotSanitised: a fake has a character that the encoding has not.
        """
        rows = bytes(rows)
        if rows.isascii():
            return rows
        done = []
        row = first_row
        for part in _parts(rows):
            text = part.decode()
            encoded, good = self._encoded(text)
            row += text.count("\n", 0, good)
            if good < len(text):
                named = f"row {row} of {table}" if exact else f"a row of {table}, from row {first_row} on,"
                raise NotSanitised(
                    f"What {named} becomes has characters that {self.encoding}, the dump's encoding, does not have.",
                    hint=HINT,
                )
            done.append(encoded)
        return b"".join(done)

    def _text(self, part: bytes) -> tuple[str, int]:
        """The text of a part, and how many of its bytes lead back to themselves."""
        try:
            text = part.decode(self.codec)
        except UnicodeDecodeError as error:
            return "", error.start
        again, good = self._encoded(text)
        if again == part:
            return text, len(part)
        again = again or text[:good].encode(self.codec)
        return "", next((at for at, (old, new) in enumerate(zip(part, again, strict=False)) if old != new), len(again))

    def _encoded(self, text: str) -> tuple[bytes, int]:
        """A text in the dump's encoding, and how many of its characters can be written in it."""
        try:
            return text.encode(self.codec), len(text)
        except UnicodeEncodeError as error:
            return b"", error.start

    def _unreadable(self, block: TableData, rows: bytes, at: int, first_row: int) -> DumpRefused:
        above = rows.count(b"\n", 0, at)
        place = Place(block.place.line + above, block.place.offset + at)
        return DumpRefused(
            f"The rows of {block.table} hold bytes that cannot be read as {self.encoding}: row {first_row + above}, "
            f"{place}.",
            hint=HINT,
        )


def transcoder_for(encoding: str) -> Transcoder | None:
    """What a dump in this encoding needs; None where its rows are UTF-8 already.

    Raises:
        DumpRefused: text in this encoding cannot be read safely.
    """
    codec = codec_of(encoding)
    return None if codec == "utf-8" else Transcoder(encoding, codec)


def _parts(rows: bytes) -> Iterator[bytes]:
    """The rows in parts, each cut before an ASCII byte, which is never inside a longer character."""
    start = 0
    while start < len(rows):
        ascii_byte = _ASCII.search(rows, start + _PART)
        end = ascii_byte.start() if ascii_byte else len(rows)
        yield rows[start:end]
        start = end
