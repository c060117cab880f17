"""Values as a whole, each written in one way: for names, companies, streets and other texts of two words and more.

Letters are made small (A to Z, and those of Latin-1), blanks of any sort and number become one, none stay at the
ends. What then has fewer than eight characters, no blank or fewer than five letters is no such text: a date, say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sanitisers.engine.grid import PADDING, end_to_end
from sanitisers.engine.prf import Values
from sanitisers.engine.spans import count_between

if TYPE_CHECKING:
    from sanitisers.engine.grid import Flags
    from sanitisers.engine.prf import Bytes, Positions

LEAST, LONGEST = 8, 64
"""Characters at least, and bytes at most: what is longer is prose."""
LEAST_LETTERS = 5
BLANK = ord(" ")
_LATIN, _TIMES = 0xC3, 0x97
_TAB, _RETURN = ord("\t"), ord("\r")
_CAPITAL, _LETTER = ord("A"), ord("a")


def find_whole(values: Values) -> tuple[Positions, Values]:
    """The indexes of values that are such texts, and these texts."""
    lengths = values.ends - values.starts
    owners = np.flatnonzero((lengths >= LEAST) & (lengths <= LONGEST))
    texts = end_to_end(Values(values.buffer, values.starts.take(owners), values.ends.take(owners)))
    blanks = np.flatnonzero(_blank(texts.buffer))
    if not len(blanks):
        return owners[:0], Values(texts.buffer, owners[:0], owners[:0])
    inside = np.flatnonzero(blanks.take(np.searchsorted(blanks, texts.starts), mode="clip") < texts.ends)
    owners = owners.take(inside)
    texts = end_to_end(Values(texts.buffer, texts.starts.take(inside), texts.ends.take(inside)))
    texts = _with_single_blanks(Values(small(texts.buffer), texts.starts, texts.ends))
    text, starts, ends = texts.buffer, texts.starts, texts.ends
    others = np.flatnonzero(((text - np.uint8(_LETTER)) >= 26) & (text < 128))
    between = np.searchsorted(others, np.append(starts, len(text) - PADDING))
    lengths, marks = ends - starts, np.diff(between)
    fits = np.flatnonzero((lengths - marks >= LEAST_LETTERS) & (marks > 0) & (_characters(texts) >= LEAST))
    blanks = others[text.take(others) == BLANK]
    fits = fits[count_between(blanks, starts.take(fits), ends.take(fits)) > 0]
    return owners.take(fits), Values(text, starts.take(fits), ends.take(fits))


def _characters(texts: Values) -> Positions:
    lengths = texts.ends - texts.starts
    if int(texts.buffer.max()) < 128:
        return lengths
    further = np.flatnonzero((texts.buffer & 0xC0) == 0x80)  # bytes of a character behind its first
    return lengths - count_between(further, texts.starts, texts.ends)


def _blank(text: Bytes) -> Flags:
    blank: Flags = (text == BLANK) | ((text - np.uint8(_TAB)) <= _RETURN - _TAB)
    return blank


def small(text: Bytes) -> Bytes:
    """A text in small letters, with a blank for every sort of blank."""
    # Smaller bytes wrap round, so one comparison tells whether a byte is in a range.
    small = text + (((text - np.uint8(_CAPITAL)) < 26).view(np.uint8) << 5)
    small[np.flatnonzero((text - np.uint8(_TAB)) <= _RETURN - _TAB)] = BLANK
    latin = np.flatnonzero(small[:-1] == _LATIN) + 1
    letters = small.take(latin)
    small[latin[(letters >= 0x80) & (letters <= 0x9E) & (letters != _TIMES)]] += 32
    return small


def _with_single_blanks(values: Values) -> Values:
    """The same values, which lie end to end, without blanks at their ends and behind other blanks."""
    text, starts, ends = values.buffer, values.starts, values.ends
    blanks = np.flatnonzero(text == BLANK)
    dropped = blanks[1:][np.diff(blanks) == 1]
    leading, trailing = text.take(starts) == BLANK, text.take(ends - 1) == BLANK
    if not (len(dropped) or leading.any() or trailing.any()):
        return values
    # A blank that begins a value goes in any case, so one that follows the blank of the value before may, too.
    dropped = np.union1d(dropped, starts[leading])
    starts, ends = starts - np.searchsorted(dropped, starts), ends - np.searchsorted(dropped, ends)
    text = np.delete(text, dropped)
    last = ends[(ends > starts) & (text.take(ends - 1) == BLANK)] - 1
    starts, ends = starts - np.searchsorted(last, starts), ends - np.searchsorted(last, ends)
    return Values(np.delete(text, last), starts, ends)
