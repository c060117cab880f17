"""E-mail addresses anywhere in many values at once.

An address is what letters, digits and the marks `._%+'-` leave on both sides of an `@`, without marks at either
end, with a dot behind the `@`; of a longer one, what is near the `@`. Whatever is beside it (brackets, quotes, letters
beyond ASCII) ends it, so the same address is read the same way everywhere; a letter behind a backslash is beside it.
Where letters beyond ASCII are beside it, they may as well be part of it: then it is read once more, with them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sanitisers.engine import bits
from sanitisers.engine.spans import Spans, in_values, windows, without
from sanitisers.engine.values import Values

if TYPE_CHECKING:
    from collections.abc import Callable

    from sanitisers.engine.grid import Flags
    from sanitisers.engine.values import Bytes, Positions, Words

BEFORE, BEHIND = 32, 48
"""Bytes looked at before and behind the @: four and six times eight, so that a bit for each fits a number."""
_BEYOND = 0x80
AT, DOT, BACKSLASH, PERCENT, FOUR, ZERO = b"@.\\%40"
AT_IN_URLS = len("%40")
LOCAL_MARKS, DOMAIN_MARKS = b"._%+'-", b".-"
NO_LETTERS = b"\xc2\xe2"
"""Bytes beyond ASCII that begin signs and marks of typesetting, and hardly any letter."""


def _or_any(found: Flags, seen: Bytes, marks: bytes) -> Flags:
    for mark in marks:
        found = found | (seen == mark)
    return found


def _ascii_letters(seen: Bytes) -> Flags:
    """Letters and digits of ASCII."""
    # Smaller bytes wrap round, so one comparison tells whether a byte is in a range.
    letters: Flags = (((seen | np.uint8(0x20)) - np.uint8(ord("a"))) < 26) | ((seen - np.uint8(ZERO)) < 10)
    return letters


def _wide_letters(seen: Bytes) -> Flags:
    """These, and bytes of letters beyond ASCII."""
    beyond: Flags = (seen >= _BEYOND) & (seen != NO_LETTERS[0]) & (seen != NO_LETTERS[1])
    return beyond | _ascii_letters(seen)


def _local(letters: Flags, seen: Bytes) -> Flags:
    """What of these bytes may be before the @, given which of them are letters."""
    return _or_any(letters, seen, LOCAL_MARKS)


def _domain(letters: Flags, seen: Bytes) -> Flags:
    """What may be behind the @."""
    return _or_any(letters, seen, DOMAIN_MARKS)


def _may_be_around(before: Bytes, behind: Bytes) -> Flags:
    """Whether an @ (or `%40`) between these two bytes may be that of an address."""
    return _local(_wide_letters(before), before) & _domain(_wide_letters(behind), behind)


def with_ats(values: Values) -> Values:
    """The values, which are in the order of their starts, with an @ for each `%40` that may be one of an address."""
    text = values.buffer
    places = np.flatnonzero(text[:-AT_IN_URLS] == PERCENT)
    for step, byte in ((1, FOUR), (2, ZERO)):
        places = places[text.take(places + step) == byte]
    places = places[_may_be_around(text.take(places - 1), text.take(places + AT_IN_URLS))]
    if not len(places):
        return values
    shorter = without(values, places + 1, places + AT_IN_URLS)
    shorter.buffer[places - (AT_IN_URLS - 1) * np.arange(len(places))] = AT
    return shorter


def find_emails(values: Values) -> Spans:
    """All addresses in values that are in the order of their starts."""
    places = np.flatnonzero(values.buffer[:-1] == AT)
    # Nothing else is one, and a flood of them would take its time.
    places = places[_may_be_around(values.buffer.take(places - 1), values.buffer.take(places + 1))]
    inside, owners = in_values(values, places)
    if not len(inside):
        return Spans(owners, owners, owners)
    plain, found, beside = _around(values, places.take(inside), owners, _ascii_letters)
    further = np.flatnonzero(beside)
    if not len(further):
        return plain.only(found)
    wide, others, _ = _around(values, places.take(inside.take(further)), owners.take(further), _wide_letters)
    same = (wide.starts == plain.starts.take(further)) & (wide.ends == plain.ends.take(further))
    both = (plain.only(found), wide.only(others & ~(same & found.take(further))))
    return Spans(*(np.concatenate([getattr(one, side) for one in both]) for side in ("owners", "starts", "ends")))


def _around(
    values: Values, places: Positions, owners: Positions, letters_of: Callable[[Bytes], Flags]
) -> tuple[Spans, Flags, Flags]:
    """What may be an address around each @ of a value, whether it is one, and whether anything beyond ASCII is near."""
    text, base = values.buffer, 0
    if places[0] < BEFORE or places[-1] + 1 + BEHIND > len(text):
        text, base = np.concatenate((np.zeros(BEFORE, np.uint8), text, np.zeros(BEHIND, np.uint8))), BEFORE
    before, behind = windows(text, places + base - BEFORE, BEFORE), windows(text, places + base + 1, BEHIND)
    letters, room = letters_of(before), places - values.starts.take(owners)
    starts = places - _reach(bits.backwards(_local(letters, before)), bits.backwards(letters), room)
    # What is written as in JSON (`\\njo@…`) has a letter in front that is none of the address.
    starts += (starts < places) & (text.take(starts + base - 1) == BACKSLASH)
    letters, room = letters_of(behind), values.ends.take(owners) - 1 - places
    lengths = _reach(bits.forwards(_domain(letters, behind)), bits.forwards(letters), room)
    while len(cut := np.flatnonzero((starts < places) & ((text.take(starts + base) & 0xC0) == 0x80))):
        starts[cut] += 1  # of a character whose beginning is none of the address
    dotted = (bits.forwards(behind == DOT) & bits.lowest(lengths)) != 0
    beyond: Flags = (bits.backwards(before >= _BEYOND) | bits.forwards(behind >= _BEYOND)) != 0
    return Spans(owners, starts, places + 1 + lengths), (starts < places) & dotted, beyond


def _reach(allowed: Words, letters: Words, room: Positions) -> Positions:
    """How far the allowed bytes go without a gap, from the lowest bit on, to the last letter or digit of them."""
    return bits.highest(letters & bits.lowest(np.minimum(bits.run(allowed), room)))
