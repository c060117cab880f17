"""Numbers of nine digits and more anywhere in many values at once, however they are spaced.

Blanks, brackets and minus, up to three at a time, may stand between digits. Neither the digits of a word (a
hash, a UUID; two letters in front, as of a VAT number, do not make one), nor the decimals of a number, nor a date is
a number of somebody's; nor are single digits side by side, which are a list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sanitisers.engine.alphabets import IS_DIGIT, IS_WORD, table_of
from sanitisers.engine.dialled import GAP, MARK, dialled_among
from sanitisers.engine.digits import Groups
from sanitisers.engine.grid import PADDING
from sanitisers.engine.spans import Spans, in_values, without
from sanitisers.engine.values import Values

if TYPE_CHECKING:
    from sanitisers.engine.grid import Flags
    from sanitisers.engine.values import Bytes, Positions

LEAST = 9
SEPARATORS = b" ()-"
"""Some of the marks of telephone numbers, of which so many as there may be between two groups."""
BESIDE = 4
"""Bytes of a value beside its number that do not make it a longer text, such as `GB ` or `+(`."""
LEAST_STAMP = 12
"""Bytes of a date and a time without anything between."""
ZERO, ONE, TWO, FOUR, NINE, PLUS, MINUS, POINT = b"01249+-."
_IS_SEPARATOR = table_of(SEPARATORS)


def find_numbers(values: Values) -> Spans:
    """All numbers in values that are in the order of their starts.

    Between them, and behind the last (PADDING will do), there is something else than digits, letters and marks.
    """
    text = values.buffer
    groups, joined = Groups.of(text).in_runs(text, MARK, GAP, LEAST)
    if not len(groups.starts):
        return Spans(groups.starts, groups.starts, groups.starts)
    firsts, lasts = _runs(text, groups)
    starts, ends = groups.starts.take(firsts), groups.ends.take(lasts)
    stays = ~(_in_word(text, starts, ends) | _has_decimals(text, starts, ends) | _is_date(text, starts, ends))
    firsts, lasts = firsts[stays], lasts[stays]
    whole = np.full(len(groups.starts), -1)
    whole[firsts] = lasts
    begins, last = dialled_among(text, groups, joined)
    starts, ends = groups.starts.take(begins), groups.ends.take(last)
    stays = ~(_in_word(text, starts, ends) | _is_decimal(text, starts) | (whole.take(begins) == last))
    firsts, lasts = np.append(firsts, begins[stays]), np.append(lasts, last[stays])
    starts, ends = groups.starts.take(firsts), groups.ends.take(lasts)
    inside, owners = in_values(values, starts)
    return Spans(owners, starts.take(inside), ends.take(inside))


def alone_or_dialled(values: Values, found: Spans) -> Flags:
    """Which numbers are all that their value holds, or are written as telephone numbers are: from 0, or with a plus."""
    owners = found.owners
    others = (values.ends.take(owners) - values.starts.take(owners)) - (found.ends - found.starts)
    plus = values.buffer.take(found.starts - 1) == PLUS
    told: Flags = (others <= BESIDE) | plus | (values.buffer.take(found.starts) == ZERO)
    return told


def plain_digits(values: Values, found: Spans) -> tuple[Values, Flags]:
    """The digits of each number, and which are surely dialled: with a plus, 0 and nine or ten digits, or 00 and more.

    Those have no zeros in front; and none has the 44 of the United Kingdom.
    """
    texts = found.texts(values.buffer)
    others = np.flatnonzero((texts.buffer[: len(texts.buffer) - PADDING] - np.uint8(ZERO)) >= 10)
    texts = without(texts, others, others + 1) if len(others) else texts
    digits, starts, ends = texts.buffer, texts.starts, texts.ends
    lengths = ends - starts
    zero = digits.take(starts) == ZERO
    dialled = values.buffer.take(found.starts - 1) == PLUS
    own = np.flatnonzero(zero)
    dialled[own] |= _with_code(digits, starts.take(own), lengths.take(own))
    own = np.flatnonzero(zero & dialled)
    starts[own] = _behind_zeros(digits, starts.take(own), ends.take(own))
    national = (ends - starts >= 11) & (ends - starts <= 13) & (digits.take(starts) == FOUR)
    own = np.flatnonzero(national & (digits.take(starts + 1) == FOUR))
    starts[own] = _behind_zeros(digits, starts.take(own) + 2, ends.take(own))
    return Values(digits, starts, ends), dialled


def _with_code(digits: Bytes, starts: Positions, lengths: Positions) -> Flags:
    """Which numbers that begin with 0 are dialled: the code of an area follows, or another 0 and that of a country."""
    second, third = (digits.take(starts + step) == ZERO for step in (1, 2))
    dialled: Flags = second & ~third & (lengths >= LEAST + 2)
    dialled |= ~second & (lengths > LEAST) & (lengths <= LEAST + 2)
    return dialled


def _behind_zeros(digits: Bytes, starts: Positions, ends: Positions) -> Positions:
    others = np.append(np.flatnonzero(digits != ZERO), len(digits))
    behind: Positions = np.minimum(others.take(np.searchsorted(others, starts)), ends)
    return behind


def _runs(text: Bytes, groups: Groups) -> tuple[Positions, Positions]:
    """The first and the last group of each number as a whole: groups with nothing but separators between."""
    breaks = np.flatnonzero(~groups.linked(text, _IS_SEPARATOR, GAP)) + 1
    firsts, lasts = np.append(0, breaks), np.append(breaks, len(groups.starts)) - 1
    counts = np.add.reduceat(groups.sizes, firsts)
    likely = np.flatnonzero((counts >= LEAST) & (2 * (lasts - firsts + 1) <= counts + 1))
    return firsts.take(likely), lasts.take(likely)


def _in_word(text: Bytes, starts: Positions, ends: Positions) -> Flags:
    """Which are part of a word: letters behind, or three in front. Between values nothing is a letter."""
    among: Flags = IS_WORD.take(text.take(starts - 1))
    before = np.flatnonzero(among)
    for step in (2, 3):
        before = before[IS_WORD.take(text.take(starts.take(before) - step))]
    among = IS_WORD.take(text.take(ends))
    among[before] = True
    return among


def _has_decimals(text: Bytes, starts: Positions, ends: Positions) -> Flags:
    """Which are a number before or behind a decimal point."""
    decimal = np.zeros(len(starts), np.bool_)
    points = np.flatnonzero((text.take(starts - 1) == POINT) | (text.take(ends) == POINT))
    starts, ends = starts.take(points), ends.take(points)
    decimal[points] = _is_decimal(text, starts)
    decimal[points] |= (text.take(ends) == POINT) & IS_DIGIT.take(text.take(ends + 1))
    return decimal


def _is_decimal(text: Bytes, starts: Positions) -> Flags:
    """At which places the decimals of a number begin."""
    decimal: Flags = (text.take(starts - 1) == POINT) & IS_DIGIT.take(text.take(starts - 2))
    return decimal


def _is_date(text: Bytes, starts: Positions, ends: Positions) -> Flags:
    """Which begin with a date: 2021-03-04, 04-03-2021, or 20210304 and a time."""
    date = np.zeros(len(starts), np.bool_)
    likely = np.flatnonzero(_century(text, starts) | _century(text, starts + 6))
    starts, lengths = starts.take(likely), (ends - starts).take(likely)
    year_first = _century(text, starts) & (text.take(starts + 4) == MINUS) & (text.take(starts + 7) == MINUS)
    year_last = _century(text, starts + 6) & (text.take(starts + 2) == MINUS) & (text.take(starts + 5) == MINUS)
    year, month, day = (_pair(text, starts + step) for step in (2, 4, 6))
    compact = _century(text, starts) & (year >= 0) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)
    date[likely] = year_first | year_last | (compact & (lengths >= LEAST_STAMP))
    return date


def _century(text: Bytes, places: Positions) -> Flags:
    first, second = text.take(places), text.take(places + 1)
    found: Flags = ((first == ONE) & (second == NINE)) | ((first == TWO) & (second == ZERO))
    return found


def _pair(text: Bytes, places: Positions) -> Positions:
    """The number that two digits make; -1 where they are none."""
    tens, ones = (text.take(places + step).astype(np.int64) - ZERO for step in (0, 1))
    return np.where((tens >= 0) & (tens < 10) & (ones >= 0) & (ones < 10), 10 * tens + ones, -1)
