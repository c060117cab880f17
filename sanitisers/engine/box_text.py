"""A value that holds others, taken apart: what all forms of arrays, composites and hstores have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from sanitisers.engine.flat_boxes import Marks


class NotAsWritten(Exception):
    """A value is not written as PostgreSQL writes those of its type."""


def without_escapes(text: bytes) -> bytes:
    """A text in which a backslash stands before any character that is not to be taken for a mark."""
    if b"\\" not in text:
        return text
    # Every run of backslashes begins with one that is no character itself, so pairs are found from the left.
    return b"\\".join([part.replace(b"\\", b"") for part in text.split(b"\\\\")])


def with_escapes(text: bytes) -> bytes:
    """The same in quotes, with a backslash before quotes and backslashes."""
    return b'"%b"' % text.replace(b"\\", b"\\\\").replace(b'"', b'\\"')


@dataclass(frozen=True, slots=True)
class Opened:
    """What is in a value.

    Attributes:
        values: what the server holds inside, in order; None for NULL.
        slots: for each the number of the rule that it has.
        parts: what is written before, between and behind them: one more than there are values.
        names: what they are called, where that is data of the row as well: the keys of an hstore.
    """

    values: list[bytes | None]
    slots: list[int]
    parts: list[bytes]
    names: list[tuple[int, bytes]]


class BoxForm(Protocol):
    """How the values of a type are written, COPY's own escapes aside."""

    @property
    def empty(self) -> bool:
        """Whether the empty string is a value of the type."""

    @property
    def marks(self) -> Marks | None:
        """How its values are read and written all at once, where they can be."""

    def open(self, text: bytes) -> Opened:
        """Take a value apart. Raises NotAsWritten."""

    def write(self, value: bytes | None) -> bytes:
        """A value as it stands inside; None for NULL."""
