"""Where in many values at once something may stand that `detectors` finds: the few places that are worth its patterns.

Values are in plain characters (see `plain_characters`) and in the order of their starts; between them, and behind the
last, is something else than what a word or a number may hold. What a pattern finds is always around one of these
places; at most of them it finds nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sanitisers.engine.alphabets import IS_DIGIT, IS_LETTER, IS_WORD, WORD, table_of
from sanitisers.engine.dialled import GAP, MARK
from sanitisers.engine.spans import Spans, in_values

if TYPE_CHECKING:
    from sanitisers.engine.digits import Groups
    from sanitisers.engine.grid import Flags
    from sanitisers.engine.values import Bytes, Positions, Values

_BEYOND = bytes(range(128, 256))
_IS_LETTER_OR_DIGIT = IS_LETTER | IS_DIGIT
_BEFORE_AT, _BEHIND_AT = table_of(WORD + b'.-"' + _BEYOND), table_of(WORD + b"-" + _BEYOND)
_FEWEST = 8
"""Digits of a telephone number at least."""
_NATIONAL, _WITH_CODE = 10, 12
"""Digits at least of one that begins with 0, and of one that begins with 44."""
_INWARD = table_of(b"ABDEFGHJLNPQRSTUWXYZabdefghjlnpqrstuwxyz")
_LAST_LETTER = table_of(b"ABCDabcd")
_IS_CAPITAL = table_of(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_BETWEEN_DIGITS = table_of(b" -")
_SHORTEST_CARD = 13
"""Digits."""
_AT, _PERCENT, _ZERO, _ONE, _TWO, _FOUR, _PLUS, _BLANK, _HYPHEN = b"@%0124+ -"


def ats(values: Values) -> Spans:
    """What may be the @ of an e-mail address, `%40` among them."""
    text = values.buffer
    signs, percents = np.flatnonzero(text == _AT), np.flatnonzero(text == _PERCENT)
    percents = percents[(text.take(percents + 1, mode="clip") == _FOUR)]
    percents = percents[(text.take(percents + 2, mode="clip") == _ZERO)]
    starts, ends = np.append(signs, percents), np.append(signs + 1, percents + 3)
    likely = _BEFORE_AT.take(text.take(starts - 1)) & _BEHIND_AT.take(text.take(ends, mode="clip"))
    return _within(values, starts[likely], ends[likely])


def dialled(values: Values, digits: Groups) -> Spans:
    """Digits with nothing but marks between them, with what may begin a telephone number among them."""
    text = values.buffer
    groups, joined = digits.in_runs(text, MARK, GAP, _FEWEST)
    if not len(groups.starts):
        return Spans(groups.starts, groups.starts, groups.starts)
    lasts = np.flatnonzero(~joined)
    firsts = np.append(0, lasts[:-1] + 1)
    runs = np.repeat(np.arange(len(firsts)), lasts - firsts + 1)
    behind = np.cumsum(groups.sizes)
    left = behind.take(lasts).take(runs) - behind + groups.sizes
    found = np.unique(runs[_may_begin(text, groups, left)])
    return _within(values, groups.starts.take(firsts.take(found)), groups.ends.take(lasts.take(found)))


def _may_begin(text: Bytes, groups: Groups, left: Positions) -> Flags:
    """Which groups of digits may begin a number that ends with their run, which has so many from each on, or before."""
    firsts = groups.starts
    first, before = text.take(firsts), text.take(firsts - 1)
    sizes = np.append(groups.sizes, 0)
    plus = (before == _PLUS) | ((before == _BLANK) & (text.take(firsts - 2) == _PLUS))
    national = (first == _ZERO) & (left >= _NATIONAL)
    code = (first == _FOUR) & (text.take(firsts + 1, mode="clip") == _FOUR) & (left >= _WITH_CODE)
    # As in North America: three digits, three, four; the first six may be together.
    american = ((sizes[:-1] == 6) | ((sizes[:-1] == 3) & (sizes[1:] == 3))) & (left >= _NATIONAL) & (first >= _TWO)
    begins: Flags = (plus & (left >= _FEWEST)) | ((national | code | american) & ~IS_WORD.take(before))
    return begins


def postcodes(values: Values, digits: Groups) -> Spans:
    """What may be a postcode: it ends in a digit and two letters."""
    text, places = values.buffer, digits.ends - 1
    for step, letters in ((1, _INWARD), (2, _INWARD), (3, ~IS_WORD)):
        places = places[letters.take(text.take(places + step, mode="clip"))]
    outward = places - 1 - (text.take(places - 1) == _BLANK)
    last, middle, first = (text.take(outward - step) for step in range(3))
    likely = IS_DIGIT.take(last) & IS_LETTER.take(middle)
    likely |= _IS_LETTER_OR_DIGIT.take(last) & IS_DIGIT.take(middle) & IS_LETTER.take(first)
    places = places[likely]
    return _within(values, places, places + 3)


def insured(values: Values, digits: Groups) -> Spans:
    """What may be a National Insurance number: two letters, six digits in pairs and one letter more."""
    text, places = values.buffer, digits.starts
    letters = places - 1 - _parts(text, places - 1)
    likely = IS_LETTER.take(text.take(letters))
    places, letters = places[likely], letters[likely]
    likely = IS_LETTER.take(text.take(letters - 1)) & ~IS_WORD.take(text.take(letters - 2))
    places, ends = places[likely], places[likely]
    for _ in range(3):
        pair = IS_DIGIT.take(text.take(ends, mode="clip")) & IS_DIGIT.take(text.take(ends + 1, mode="clip"))
        places, ends = places[pair], ends[pair] + 2
        ends = ends + _parts(text, ends)
    likely = _LAST_LETTER.take(text.take(ends, mode="clip")) & ~IS_WORD.take(text.take(ends + 1, mode="clip"))
    return _within(values, places[likely], ends[likely] + 1)


def cards(values: Values, digits: Groups) -> Spans:
    """What may have the number of a payment card in it: many digits, with a blank or a hyphen at most between two."""
    groups, joined = digits.in_runs(values.buffer, _BETWEEN_DIGITS, 1, _SHORTEST_CARD)
    lasts = np.flatnonzero(~joined)
    firsts = np.append(0, lasts[:-1] + 1) if len(lasts) else lasts
    return _within(values, groups.starts.take(firsts), groups.ends.take(lasts))


def accounts(values: Values, digits: Groups) -> Spans:
    """What may begin the number of a bank account (IBAN): two capital letters and two digits."""
    text, places = values.buffer, digits.starts[digits.sizes >= 2]
    likely = _IS_CAPITAL.take(text.take(places - 1)) & _IS_CAPITAL.take(text.take(places - 2))
    places = places[likely & ~IS_WORD.take(text.take(places - 3))]
    return _within(values, places - 2, places + 2)


def _parts(text: Bytes, places: Positions) -> Flags:
    found = text.take(places, mode="clip")
    parts: Flags = (found == _BLANK) | (found == _HYPHEN)
    return parts


def _within(values: Values, starts: Positions, ends: Positions) -> Spans:
    inside, owners = in_values(values, starts)
    found = Spans(owners, starts.take(inside), ends.take(inside))
    return found.only(found.ends <= values.ends.take(owners))
