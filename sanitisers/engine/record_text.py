"""How PostgreSQL writes composite values: `(a,"b (c)",,"")` (manual, 8.16.6).

A field of nothing at all is NULL, the empty string has quotes. Inside them quotes and backslashes are doubled; a
backslash before any other character stands for that one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sanitisers.engine.box_text import NotAsWritten, Opened
from sanitisers.engine.flat_boxes import Marks

_FIELD = re.compile(rb'"([^"\\]*+(?:(?:\\.|"")[^"\\]*+)*+)"|[^"\\(),]*+', re.DOTALL)
_DOUBLED = re.compile(rb'\\(.)|""', re.DOTALL)
_PLAIN = re.compile(rb'[^"\\(), \t\n\v\f\r]+')


@dataclass(frozen=True, slots=True)
class RecordForm:
    """Composite values of so many fields, each of which has a rule of its own."""

    fields: int
    empty: bool = False

    @property
    def marks(self) -> Marks:
        """See BoxForm."""
        return Marks(b"(,)", fields=self.fields, word=False)

    def open(self, text: bytes) -> Opened:
        """See BoxForm."""
        values: list[bytes | None] = []
        end = 0
        for index in range(self.fields):
            if text[end : end + 1] != (b"," if index else b"("):
                raise NotAsWritten
            found = _FIELD.match(text, end + 1)
            assert found is not None, "it matches nothing at all, too"
            end = found.end()
            values.append(_value_of(found))
        if text[end:] != b")":
            raise NotAsWritten
        return Opened(values, list(range(self.fields)), [b"(", *[b","] * (self.fields - 1), b")"], [])

    def write(self, value: bytes | None) -> bytes:
        """See BoxForm."""
        if value is None:
            return b""
        if _PLAIN.fullmatch(value):
            return value
        return b'"%b"' % value.replace(b"\\", b"\\\\").replace(b'"', b'""')


def _value_of(found: re.Match[bytes]) -> bytes | None:
    if found[1] is None:
        return found[0] or None
    parts = found[1].split(b"\\\\")
    if any(b"\\" in part for part in parts):  # no server writes it, but it could be
        return _DOUBLED.sub(lambda mark: mark[1] or b'"', found[1])
    return b"\\".join([part.replace(b'""', b'"') for part in parts])
