"""How PostgreSQL writes arrays: `{a,"b c",NULL}`, `{{1,2},{3,4}}`, `[2:3]={a,b}` (manual, 8.15.6).

An element in quotes is text; without them it is NULL where it reads so, and text else. Dimensions and bounds stay
what they are, since only what is between braces and commas is written anew.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from sanitisers.engine.box_text import NotAsWritten, Opened, with_escapes, without_escapes
from sanitisers.engine.flat_boxes import Marks

MOST_DIMENSIONS = 6
"""That an array may have."""
_BLANKS = rb" \t\n\v\f\r"
_BOUNDS = re.compile(rb"((?:\[[+-]?\d{1,10}:[+-]?\d{1,10}\])+)=")
_BOUND = re.compile(rb"\[([+-]?\d+):([+-]?\d+)\]")
_TEXT = rb'"([^"\\]*+(?:\\(?:.|\Z)[^"\\]*+)*+)(?:"|\Z)'
"""In quotes; one that has no end is found as well, so that nobody looks for it again from each quote in it."""
_QUOTE = ord('"')


@dataclass(frozen=True, slots=True)
class ArrayForm:
    """Arrays whose elements have this between them: a comma for all types but `box`."""

    delimiter: bytes = b","
    empty: bool = False
    _element: re.Pattern[bytes] = field(init=False, repr=False)
    _quoted: re.Pattern[bytes] = field(init=False, repr=False)
    _inner: re.Pattern[bytes] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        other = rb"[^\"\\{}%b%b]" % (self.delimiter, _BLANKS)
        between = re.escape(self.delimiter)
        object.__setattr__(self, "_element", re.compile(_TEXT + rb"|%b++" % other, re.DOTALL))
        object.__setattr__(self, "_quoted", re.compile(rb"(?!(?i:null)\Z)%b+" % other))
        object.__setattr__(self, "_inner", re.compile(rb"\{x(?:%bx)*\}" % between))

    @property
    def marks(self) -> Marks:
        """See BoxForm."""
        return Marks(b"{" + self.delimiter + b"}", fields=None, word=True)

    def open(self, text: bytes) -> Opened:
        """See BoxForm."""
        bounds = _BOUNDS.match(text)
        start = end = bounds.end() if bounds else 0
        values: list[bytes | None] = []
        parts: list[bytes] = []
        for element in self._element.finditer(text, start):
            parts.append(text[end : element.start()])
            end = element.end()
            values.append(_element_of(element))
        parts.append(text[end:])
        lengths = self._lengths(parts)
        if bounds:
            if [int(b) - int(a) + 1 for a, b in _BOUND.findall(bounds[1])] != lengths:
                raise NotAsWritten
            parts[0] = bounds[0] + parts[0]
        return Opened(values, [0] * len(values), parts, [])

    def _lengths(self, parts: list[bytes]) -> list[int]:
        """The length of each dimension, given what stands around the elements. Raises NotAsWritten."""
        structure = b"x".join(parts)
        if structure == b"{}":
            return []
        lengths: list[int] = []
        while not lengths or structure != b"x":
            # What is innermost is the same everywhere in an array, and nothing stands beside it.
            innermost = self._inner.search(structure)
            if innermost is None or len(lengths) == MOST_DIMENSIONS:
                raise NotAsWritten
            lengths.insert(0, innermost[0].count(b"x"))
            structure = structure.replace(innermost[0], b"y")
            if b"x" in structure:
                raise NotAsWritten
            structure = structure.replace(b"y", b"x")
        return lengths

    def write(self, value: bytes | None) -> bytes:
        """See BoxForm."""
        if value is None:
            return b"NULL"
        if self._quoted.fullmatch(value):
            return value
        return with_escapes(value)


def _element_of(found: re.Match[bytes]) -> bytes | None:
    text = found[0]
    if text[0] != _QUOTE:
        return None if text.upper() == b"NULL" else text
    return without_escapes(found[1])
