"""Numbers of nine digits and more anywhere in many values at once, however they are spaced.

Blanks, brackets and minus, up to three at a time, may stand between digits. Neither the digits of a word (a
hash, a UUID; two letters in front, as of a VAT number, do not make one), nor the decimals of a number, nor a date is
a number of somebody's; nor are single digits side by side, which are a list.
"""

from __future__ import annotations

import string
from typing import TYPE_CHECKING

import numpy as np

from sanitisers.engine.grid import PADDING
from sanitisers.engine.prf import Values
from sanitisers.engine.spans import Spans, in_values, ranges, table_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sanitisers.engine.grid import Flags
    from sanitisers.engine.prf import Bytes, Positions

LEAST = 9
GAP = 3
"""Separators between two digits at most."""
SEPARATORS = b" ()-"
BESIDE = 4
"""Bytes of a value beside its number that do not make it a longer text, such as `GB ` or `+(`."""
WORD = (string.ascii_letters + string.digits + "_").encode()
ZERO, PLUS, MINUS, POINT, FOUR = b"0+-.4"
_SEPARATOR, _WORD, _DIGIT = table_of(SEPARATORS), table_of(WORD), table_of(string.digits.encode())


def find_numbers(values: Values) -> Spans:
    """All numbers in values that are in the order of their starts, and have something else between them."""
    text = values.buffer
    digits = _in_long_runs(np.flatnonzero((text - np.uint8(ZERO)) < 10))
    firsts, lasts, groups = _runs(text, digits)
    counts = lasts - firsts + 1
    likely = np.flatnonzero((counts >= LEAST) & (2 * groups <= counts + 1))
    starts, ends = digits.take(firsts.take(likely)), digits.take(lasts.take(likely)) + 1
    inside, owners = in_values(values, starts)
    found = Spans(owners, starts.take(inside), ends.take(inside))
    return found.only(~(_in_word(values, found) | _has_decimals(values, found) | _is_date(values, found)))


def alone_or_dialled(values: Values, found: Spans) -> Flags:
    """Which numbers are all that their value holds, or are written as telephone numbers are: from 0, or with a plus."""
    owners = found.owners
    others = (values.ends.take(owners) - values.starts.take(owners)) - (found.ends - found.starts)
    plus = _at(values, found, found.starts - 1) == PLUS
    told: Flags = (others <= BESIDE) | plus | (values.buffer.take(found.starts) == ZERO)
    return told


def plain_digits(values: Values, found: Spans) -> Values:
    """The digits of each number, without zeros in front and the 44 of the United Kingdom."""
    texts = found.texts(values.buffer)
    places = np.flatnonzero(_DIGIT.take(texts.buffer))
    digits = np.append(texts.buffer.take(places), np.zeros(PADDING, np.uint8))
    starts, ends = np.searchsorted(places, texts.starts), np.searchsorted(places, texts.ends)
    starts = _behind_zeros(digits, starts, ends)
    national = (ends - starts >= 11) & (ends - starts <= 13)
    national &= (digits.take(starts) == FOUR) & (digits.take(starts + 1) == FOUR)
    return Values(digits, _behind_zeros(digits, starts + 2 * national, ends), ends)


def _behind_zeros(digits: Bytes, starts: Positions, ends: Positions) -> Positions:
    others = np.append(np.flatnonzero(digits != ZERO), len(digits))
    behind: Positions = np.minimum(others.take(np.searchsorted(others, starts)), ends)
    return behind


def _in_long_runs(digits: Positions) -> Positions:
    """The digits that may be part of a number: enough of them near each other, whatever is between."""
    firsts = np.append(0, np.flatnonzero(digits[1:] - digits[:-1] > GAP + 1) + 1)
    lengths = np.diff(firsts, append=len(digits))
    long = np.flatnonzero(lengths >= LEAST)
    return digits.take(ranges(firsts.take(long), lengths.take(long)))


def _runs(text: Bytes, digits: Positions) -> tuple[Positions, Positions, Positions]:
    """Runs of digits with nothing but separators between: index of the first and the last, and how many groups."""
    gaps = np.diff(digits)
    linked = gaps == 1
    near = np.flatnonzero((gaps > 1) & (gaps <= GAP + 1))
    before, between = digits.take(near), gaps.take(near)
    joins = _SEPARATOR.take(text.take(before + 1))
    for step in range(2, GAP + 1):
        joins &= _SEPARATOR.take(text.take(before + step, mode="clip")) | (between <= step)
    linked[near] = joins
    breaks = np.flatnonzero(~linked) + 1
    firsts, lasts = np.append(0, breaks), np.append(breaks - 1, len(digits) - 1)
    groups = np.append(0, np.cumsum(gaps > 1))
    return firsts, lasts, groups.take(lasts) - groups.take(firsts) + 1


def _at(values: Values, found: Spans, places: Positions) -> Bytes:
    """The bytes at places beside the numbers; zeros for those that are not of their value."""
    inside = (places >= values.starts.take(found.owners)) & (places < values.ends.take(found.owners))
    return np.where(inside, values.buffer.take(places, mode="clip"), np.uint8(0))


def _in_word(values: Values, found: Spans) -> Flags:
    before = [_WORD.take(_at(values, found, found.starts - step)) for step in (1, 2, 3)]
    behind = _WORD.take(_at(values, found, found.ends))
    among: Flags = behind | (before[0] & before[1] & before[2])
    return among


def _has_decimals(values: Values, found: Spans) -> Flags:
    """Which are a number before or behind a decimal point."""
    before, further = (_at(values, found, found.starts - step) for step in (1, 2))
    behind, beyond = (_at(values, found, found.ends + step) for step in (0, 1))
    decimal: Flags = ((before == POINT) & _DIGIT.take(further)) | ((behind == POINT) & _DIGIT.take(beyond))
    return decimal


def _is_date(values: Values, found: Spans) -> Flags:
    """Which begin with a date: 2021-03-04, 04-03-2021, or 20210304 and a time."""
    letters = [values.buffer.take(found.starts + step) for step in range(8)]

    def pair(step: int) -> NDArray[np.int64]:
        tens, ones = (letters[place].astype(np.int64) - ZERO for place in (step, step + 1))
        return np.where((tens >= 0) & (tens < 10) & (ones >= 0) & (ones < 10), 10 * tens + ones, -1)

    def century(step: int) -> Flags:
        first: Flags = (pair(step) == 19) | (pair(step) == 20)
        return first

    year_first = century(0) & (letters[4] == MINUS) & (letters[7] == MINUS)
    year_last = century(6) & (letters[2] == MINUS) & (letters[5] == MINUS)
    month, day = pair(4), pair(6)
    compact = century(0) & (pair(2) >= 0) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)
    date: Flags = year_first | year_last | (compact & (found.ends - found.starts >= 12))
    return date
