"""Values as a whole, each written in one way: for names, companies, streets and other texts of two words and more.

Letters are made small (A to Z, and those of Latin-1), blanks of any sort and number become one, none stay at the
ends. What then has fewer than eight characters, no blank or fewer than five letters is no such text: a date, say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sanitisers.engine import bits
from sanitisers.engine.grid import end_to_end
from sanitisers.engine.spans import count_between, laid_together, windows
from sanitisers.engine.values import Values

if TYPE_CHECKING:
    from sanitisers.engine.grid import Flags
    from sanitisers.engine.values import Bytes, Positions, Words

LEAST, LONGEST = 8, 64
"""Characters at least, and bytes at most, a bit for each: what is longer is prose."""
LEAST_LETTERS = 5
BLANK = ord(" ")
_LATIN, _TIMES = 0xC3, 0x97
_TAB, _RETURN = ord("\t"), ord("\r")
_CAPITAL, _LETTER = ord("A"), ord("a")
_BEYOND = 0x80


def find_whole(values: Values, as_whole: Positions) -> tuple[Positions, Values]:
    """Which values are such texts, and these texts, in a buffer that begins with that of the values.

    Values are in small letters, see `small`; only those with these indexes are looked at.
    """
    lengths = values.ends.take(as_whole) - values.starts.take(as_whole)
    owners = as_whole[(lengths >= LEAST) & (lengths <= LONGEST)]
    text = values.buffer
    if not len(owners):
        return owners, Values(text, owners, owners)
    starts, ends = values.starts.take(owners), values.ends.take(owners)
    if int(starts[-1]) + LONGEST > len(text):
        text = np.append(text, np.zeros(LONGEST, np.uint8))
    seen, within = windows(text, starts, LONGEST), bits.lowest(ends - starts)
    blanks = bits.forwards(seen == BLANK) & within
    likely = np.flatnonzero(blanks)
    likely = likely[_may_fit(seen[likely], within.take(likely))]
    owners, starts, ends, blanks = owners.take(likely), starts.take(likely), ends.take(likely), blanks.take(likely)
    uneven = bits.side_by_side(blanks) | (text.take(starts) == BLANK) | (text.take(ends - 1) == BLANK)
    if not uneven.any():
        return owners, Values(values.buffer, starts, ends)
    which, others = _evened(Values(text, starts[uneven], ends[uneven]))
    texts = laid_together([Values(values.buffer, starts[~uneven], ends[~uneven]), others])
    return np.append(owners[~uneven], owners[uneven].take(which)), texts


def _may_fit(seen: Bytes, within: Words) -> Flags:
    """Which texts, in rows, have enough letters and characters, whatever becomes of their blanks."""
    beyond = seen >= _BEYOND
    letters = bits.count(bits.forwards(((seen - np.uint8(_LETTER)) < 26) | beyond) & within)
    fits: Flags = letters >= LEAST_LETTERS
    if beyond.any():
        further = bits.count(bits.forwards((seen & 0xC0) == _BEYOND) & within)
        fits &= bits.count(within) - further >= LEAST
    return fits


def _evened(values: Values) -> tuple[Positions, Values]:
    """Values with single blanks and none at their ends, of those that are such texts then; and which these are."""
    texts = _with_single_blanks(end_to_end(values))
    text, starts, ends = texts.buffer, texts.starts, texts.ends
    blanks, further = np.flatnonzero(text == BLANK), np.flatnonzero((text & 0xC0) == _BEYOND)
    fits = np.flatnonzero(
        (count_between(blanks, starts, ends) > 0) & (ends - starts - count_between(further, starts, ends) >= LEAST)
    )
    return fits, Values(text, starts.take(fits), ends.take(fits))


def small(text: Bytes) -> Bytes:
    """A text in small letters, with a blank for every sort of blank."""
    # Smaller bytes wrap round, so one comparison tells whether a byte is in a range.
    small = text - np.uint8(_CAPITAL)
    np.less(small, 26, out=small.view(np.bool_))
    small <<= 5
    small += text
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
