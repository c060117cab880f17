"""From the bytes of a fuzzer to a text, the places where it is cut, and the limits it is read with."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import pairwise

from dmrefresh.dump.text.limits import Limits
from tests.dump.writing import BEGINNING, ENDING, PREAMBLE, ROWS, USERS

_FORM = struct.Struct(">BBBHH")
"""Frame, options, size of a block, two places: in front, where what is inserted behind them leaves them as they are."""

_COPY = b"COPY public.users (id, email) FROM stdin;\n"

FRAMES = {
    "bare": (b"", b""),
    "dump": (BEGINNING + PREAMBLE, ENDING),
    "rows": (BEGINNING + PREAMBLE + USERS + _COPY, b"\\.\n" + ENDING),
    "behind rows": (BEGINNING + PREAMBLE + USERS + ROWS, ENDING),
    "table": (BEGINNING + PREAMBLE + b"CREATE TABLE public.t (\n    ", b"\n);\n" + ENDING),
}
"""What stands around the fuzzer's bytes: nearly all of them would fail in the first line by themselves."""

LIMITS = (Limits(), Limits(statement=200), Limits(row=20), Limits(head=600))
ENCODINGS = ("UTF8", "SQL_ASCII", "LATIN1", "EUC_JP", "EUC_JIS_2004", "EUC_KR", "EUC_CN", "WIN1258")


@dataclass(frozen=True, slots=True)
class Case:
    """A text and how it comes.

    Attributes:
        text: perhaps a dump.
        body: the part of it that is the fuzzer's own.
        size: bytes of a block, where it comes in blocks of one size.
        places: two more places to cut it at.
        limits: to read it with.
    """

    text: bytes
    body: bytes
    size: int
    places: tuple[int, int]
    limits: Limits

    @property
    def cuttings(self) -> list[list[bytes]]:
        """The text in blocks, in two ways."""
        regular = [self.text[start : start + self.size] for start in range(0, len(self.text), self.size)]
        edges = [0, *sorted(self.places), len(self.text)]
        return [regular, [self.text[start:end] for start, end in pairwise(edges)]]


def case_of(data: bytes) -> Case:
    """The case that some bytes mean; any bytes mean one."""
    frame, options, size, *places = _FORM.unpack(data[: _FORM.size].ljust(_FORM.size, b"\0"))
    body = data[_FORM.size :]
    before, behind = [*FRAMES.values()][frame % len(FRAMES)]
    encoding = ENCODINGS[options // len(LIMITS) % len(ENCODINGS)]
    text = before.replace(b"'UTF8'", f"'{encoding}'".encode()) + body + behind
    first, second = (place % (len(text) + 1) for place in places)
    return Case(text, body, size + 1, (first, second), LIMITS[options % len(LIMITS)])


def data_of(
    body: bytes,
    frame: str = "bare",
    *,
    limits: int = 0,
    encoding: str = "UTF8",
    size: int = 1,
    places: tuple[int, int] = (0, 0),
) -> bytes:
    """The bytes that mean a case: what case_of undoes."""
    options = limits + len(LIMITS) * ENCODINGS.index(encoding)
    return _FORM.pack([*FRAMES].index(frame), options, size - 1, *places) + body
