"""Many values at once, with what people write in place of the usual characters (`０７`, `＠`, a wide dash) as those."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sanitisers.detectors import PLAIN
from sanitisers.engine.alphabets import table_of
from sanitisers.engine.spans import without
from sanitisers.engine.values import Values

if TYPE_CHECKING:
    from sanitisers.engine.grid import Flags
    from sanitisers.engine.values import Bytes, Positions

_UNKNOWN, _STAYS = 0, 1
_CODES = 0x110000
_TWO, _THREE, _FOUR, _NONE = 0xC2, 0xE0, 0xF0, 0xF5
"""Bytes from which on characters begin that have so many bytes."""
_CONTROLS = 2
_STAY = table_of(b"\xc3\xc4\xd0\xd1")
"""Of the characters that begin with these, accented letters and Cyrillic ones, each is itself."""

_plain = np.zeros(_CODES, np.uint8)
"""For each code what stands in its place: _UNKNOWN before somebody asked, _STAYS, or a character of ASCII."""


def in_plain_bytes(values: Values) -> Values:
    """The values as `detectors.in_plain_characters` reads them, as far as it makes them ASCII.

    They are in the order of their starts, and none ends inside a character.
    """
    text = values.buffer
    firsts, lengths, usual = unusual(text, np.flatnonzero(may_be_unusual(text)))
    if not len(firsts):
        return values
    more = lengths - 1
    shorter = without(values, firsts + 1, firsts + 1 + more)
    shorter.buffer[firsts - (np.cumsum(more) - more)] = usual
    return shorter


def may_be_unusual(text: Bytes) -> Flags:
    """At which bytes a character beyond ASCII begins."""
    found: Flags = (text - np.uint8(_TWO)) < _NONE - _TWO
    return found


def unusual(text: Bytes, firsts: Positions) -> tuple[Positions, Positions, Bytes]:
    """Of characters beyond ASCII that begin there, in order, those that stand for one of ASCII.

    Gives where they begin, how many bytes each has, and for which one it stands.
    """
    firsts = firsts[~_STAY.take(text.take(firsts))]
    codes, lengths = _codes(text, firsts)
    plain = _plain.take(codes)
    if not plain.all():
        unknown = np.unique(codes[plain == _UNKNOWN])
        _plain[unknown] = [_stand_in(code) for code in unknown.tolist()]
        plain = _plain.take(codes)
    changed = np.flatnonzero(plain != _STAYS)
    return firsts.take(changed), lengths.take(changed), plain.take(changed)


def _stand_in(code: int) -> int:
    plain = PLAIN[code]
    return plain if _CONTROLS <= plain < 128 and code >= 128 else _STAYS


def _codes(text: Bytes, firsts: Positions) -> tuple[Positions, Positions]:
    """The code of each character, 0 where the bytes make none, and how many bytes it has."""
    first = text.take(firsts).astype(np.int64)
    lengths = 2 + (first >= _THREE) + (first >= _FOUR)
    codes = first & (0x7F >> lengths)
    whole = np.ones(len(firsts), np.bool_)
    for step in (1, 2, 3):
        own = np.flatnonzero(lengths > step)
        further = text.take(firsts.take(own) + step, mode="clip")
        codes[own] = (codes.take(own) << 6) | (further & 0x3F)
        whole[own] &= (further & 0xC0) == 0x80
    least = np.array([0x80, 0x800, 0x10000]).take(lengths - 2)
    return np.where(whole & (codes >= least) & (codes < _CODES), codes, 0), lengths
