"""Values as a whole, each written in one way: for names, companies, streets and other texts of two words and more.

Letters are made small (A to Z, and those of Latin-1), blanks of any sort and number become one, none stay at the
ends. What then has fewer than eight characters, no blank or fewer than five letters is no such text: a date, say.
"""

from __future__ import annotations

import string
from typing import TYPE_CHECKING

import numpy as np

from sanitisers.engine.grid import end_to_end
from sanitisers.engine.prf import Values
from sanitisers.engine.spans import count_between

if TYPE_CHECKING:
    from sanitisers.engine.prf import Bytes, Positions

LEAST, LONGEST = 8, 256
"""Characters at least, and bytes at most: what is longer is prose."""
LEAST_LETTERS = 5
BLANK = ord(" ")
_LATIN, _TIMES = 0xC3, 0x97
_SMALL = np.arange(256, dtype=np.uint8)
_SMALL[list(string.ascii_uppercase.encode())] += 32
_SMALL[list(b"\t\n\v\f\r")] = BLANK
_NO_LETTER = np.ones(256, np.bool_)
_NO_LETTER[list(string.ascii_letters.encode()) + list(range(128, 256))] = False


def find_whole(values: Values) -> tuple[Positions, Values]:
    """The indexes of values that are such texts, and these texts."""
    lengths = values.ends - values.starts
    owners = np.flatnonzero((lengths >= LEAST) & (lengths <= LONGEST))
    if not len(owners):
        return owners, Values(values.buffer, owners, owners)
    texts = end_to_end(Values(values.buffer, values.starts[owners], values.ends[owners]))
    texts = _with_single_blanks(Values(small(texts.buffer), texts.starts, texts.ends))
    starts, ends = texts.starts, texts.ends
    others = np.flatnonzero(_NO_LETTER.take(texts.buffer))
    blanks = others[texts.buffer.take(others) == BLANK]
    further = np.flatnonzero((texts.buffer & 0xC0) == 0x80)  # bytes of a character behind its first
    lengths = ends - starts
    fits = np.flatnonzero(
        (count_between(blanks, starts, ends) > 0)
        & (lengths - count_between(others, starts, ends) >= LEAST_LETTERS)
        & (lengths - count_between(further, starts, ends) >= LEAST)
    )
    return owners.take(fits), Values(texts.buffer, starts.take(fits), ends.take(fits))


def small(text: Bytes) -> Bytes:
    """A text in small letters, with a blank for every sort of blank."""
    small = _SMALL.take(text)
    latin = np.flatnonzero(small[:-1] == _LATIN) + 1
    letters = small.take(latin)
    small[latin[(letters >= 0x80) & (letters <= 0x9E) & (letters != _TIMES)]] += 32
    return small


def _with_single_blanks(values: Values) -> Values:
    """The same values, which lie end to end, without blanks at their ends and behind other blanks."""
    text, starts, ends = values.buffer, values.starts, values.ends
    blank = text == BLANK
    before = np.ones(len(text), np.bool_)
    before[1:] = blank[:-1]
    before[starts[starts < ends]] = True
    dropped = np.flatnonzero(blank & before)
    if len(dropped):
        text = np.delete(text, dropped)
        starts, ends = starts - np.searchsorted(dropped, starts), ends - np.searchsorted(dropped, ends)
    trailing = (ends > starts) & (text.take(ends - 1) == BLANK)
    return Values(text, starts, ends - trailing)
