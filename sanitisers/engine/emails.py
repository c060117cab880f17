"""E-mail addresses anywhere in many values at once.

An address is what letters, digits and the marks `._%+'-` leave on both sides of an `@`, without marks at either
end, with a dot behind the `@`; of a longer one, what is near the `@`. Whatever is beside it (brackets, quotes, letters
beyond ASCII) ends it, so the same address is read the same way everywhere; a letter behind a backslash is beside it.
Where letters beyond ASCII are beside it, they may as well be part of it: then it is read once more, with them.
"""

from __future__ import annotations

import string
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sanitisers.engine.prf import Values
from sanitisers.engine.spans import Spans, in_values, table_of, windows, without

if TYPE_CHECKING:
    from sanitisers.engine.grid import Flags
    from sanitisers.engine.prf import Bytes, Positions

BEFORE, BEHIND = 32, 48
"""Bytes looked at before and behind the @."""
AT, DOT, BACKSLASH, PERCENT, FOUR, ZERO = b"@.\\%40"
AT_IN_URLS = len("%40")
LETTERS = (string.ascii_letters + string.digits).encode()
LOCAL_MARKS, DOMAIN_MARKS = b"._%+'-", b".-"
BEYOND = bytes(byte for byte in range(0x80, 0x100) if byte not in (0xC2, 0xE2))
"""Bytes of letters beyond ASCII. The two left out begin signs and marks of typesetting, and hardly any letter."""


@dataclass(frozen=True, slots=True)
class _Alphabet:
    """What an address may consist of: its letters, and what besides them is before the @ and behind it."""

    letter: Flags
    local: Flags
    domain: Flags

    @classmethod
    def of(cls, letters: bytes) -> _Alphabet:
        return cls(table_of(letters), table_of(letters + LOCAL_MARKS), table_of(letters + DOMAIN_MARKS))


_PLAIN, _WIDE = _Alphabet.of(LETTERS), _Alphabet.of(LETTERS + BEYOND)


def with_ats(values: Values) -> Values:
    """The values, which are in the order of their starts, with an @ for each `%40` that may be one of an address."""
    text = values.buffer
    places = np.flatnonzero(text[:-AT_IN_URLS] == PERCENT)
    for step, byte in ((1, FOUR), (2, ZERO)):
        places = places[text.take(places + step) == byte]
    places = places[_WIDE.local.take(text.take(places - 1)) & _WIDE.domain.take(text.take(places + AT_IN_URLS))]
    if not len(places):
        return values
    shorter = without(values, places + 1, places + AT_IN_URLS)
    shorter.buffer[places - (AT_IN_URLS - 1) * np.arange(len(places))] = AT
    return shorter


def find_emails(values: Values) -> Spans:
    """All addresses in values that are in the order of their starts."""
    places = np.flatnonzero(values.buffer[:-1] == AT)
    # Nothing else is one, and a flood of them would take its time.
    before, behind = values.buffer.take(places - 1), values.buffer.take(places + 1)
    places = places[_WIDE.local.take(before) & _WIDE.domain.take(behind)]
    inside, owners = in_values(values, places)
    if not len(inside):
        return Spans(owners, owners, owners)
    plain, beside = _around(values, places.take(inside), owners, _PLAIN)
    further = np.flatnonzero(beside)
    if not len(further):
        return plain
    wide, _ = _around(values, places.take(inside.take(further)), owners.take(further), _WIDE)
    both = (plain, wide.only(~np.isin(wide.starts << 32 | wide.ends, plain.starts << 32 | plain.ends)))
    return Spans(*(np.concatenate([getattr(one, side) for one in both]) for side in ("owners", "starts", "ends")))


def _around(values: Values, places: Positions, owners: Positions, alphabet: _Alphabet) -> tuple[Spans, Flags]:
    """The addresses around these @ in their values; and of each @ whether anything beyond ASCII is near."""
    text, base = values.buffer, 0
    if places[0] < BEFORE or places[-1] + 1 + BEHIND > len(text):
        text, base = np.concatenate((np.zeros(BEFORE, np.uint8), text, np.zeros(BEHIND, np.uint8))), BEFORE
    before = np.ascontiguousarray(windows(text, places + base - BEFORE, BEFORE)[:, ::-1])
    starts = places - _reach(before, alphabet.local, alphabet.letter, places - values.starts.take(owners))
    # What is written as in JSON (`\\njo@…`) has a letter in front that is none of the address.
    starts += (starts < places) & (text.take(starts + base - 1) == BACKSLASH)
    behind = windows(text, places + base + 1, BEHIND)
    lengths = _reach(behind, alphabet.domain, alphabet.letter, values.ends.take(owners) - 1 - places)
    while len(cut := np.flatnonzero((starts < places) & ((text.take(starts + base) & 0xC0) == 0x80))):
        starts[cut] += 1  # of a character whose beginning is none of the address
    dotted: Flags = ((behind == DOT) & (np.arange(1, BEHIND + 1) < lengths[:, None])).any(axis=1)
    ends = places + 1 + lengths
    return Spans(owners, starts, ends).only((starts < places) & dotted), _beyond_ascii(before) | _beyond_ascii(behind)


def _beyond_ascii(seen: Bytes) -> Flags:
    """Which windows, of so many times eight bytes, hold anything beyond ASCII."""
    words = seen.view(np.uint64) & np.uint64(0x8080808080808080)
    beyond: Flags = np.bitwise_or.reduce(words, axis=1) != 0
    return beyond


def _reach(seen: Bytes, allowed: Flags, letter: Flags, room: Positions) -> Positions:
    """How far the allowed bytes go from the beginning of each window, to the last letter or digit of them."""
    width = seen.shape[1]
    barred = ~allowed.take(seen)
    lengths: Positions = np.minimum(np.where(barred.any(axis=1), barred.argmax(axis=1), width), room)
    longer = np.flatnonzero(lengths > 0)
    while len(longer := longer[~letter.take(seen[longer, lengths[longer] - 1])]):
        lengths[longer] -= 1
        longer = longer[lengths[longer] > 0]
    return lengths
