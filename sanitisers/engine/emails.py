"""E-mail addresses anywhere in many values at once.

An address is what letters, digits and the marks `._%+'-` leave on both sides of an `@`, without marks at either
end, with a dot behind the `@`; of a longer one, what is near the `@`. Whatever is beside it (brackets, quotes, letters
beyond ASCII) ends it, so the same address is read the same way everywhere; a letter behind a backslash is beside it.
"""

from __future__ import annotations

import string
from typing import TYPE_CHECKING

import numpy as np

from sanitisers.engine.spans import Spans, in_values, table_of, windows

if TYPE_CHECKING:
    from sanitisers.engine.grid import Flags
    from sanitisers.engine.prf import Bytes, Positions, Values

BEFORE, BEHIND = 32, 48
"""Bytes looked at before and behind the @."""
AT, DOT, BACKSLASH = b"@.\\"
LETTERS = (string.ascii_letters + string.digits).encode()
LOCAL_MARKS, DOMAIN_MARKS = b"._%+'-", b".-"
_LETTER, _LOCAL, _DOMAIN = table_of(LETTERS), table_of(LETTERS + LOCAL_MARKS), table_of(LETTERS + DOMAIN_MARKS)


def find_emails(values: Values) -> Spans:
    """All addresses in values that are in the order of their starts."""
    places = np.flatnonzero(values.buffer[:-1] == AT)
    # Nothing else is one, and a flood of them would take its time.
    between = _LOCAL.take(values.buffer.take(places - 1)) & _DOMAIN.take(values.buffer.take(places + 1))
    places = places[between]
    inside, owners = in_values(values, places)
    if not len(inside):
        return Spans(owners, owners, owners)
    places = places.take(inside)
    text, base = values.buffer, 0
    if places[0] < BEFORE or places[-1] + 1 + BEHIND > len(text):
        text, base = np.concatenate((np.zeros(BEFORE, np.uint8), text, np.zeros(BEHIND, np.uint8))), BEFORE
    before = np.ascontiguousarray(windows(text, places + base - BEFORE, BEFORE)[:, ::-1])
    starts = places - _reach(before, _LOCAL, places - values.starts.take(owners))
    # What is written as in JSON (`\\njo@…`) has a letter in front that is none of the address.
    starts += (starts < places) & (text.take(starts + base - 1) == BACKSLASH)
    behind = windows(text, places + base + 1, BEHIND)
    lengths = _reach(behind, _DOMAIN, values.ends.take(owners) - 1 - places)
    dotted = ((behind == DOT) & (np.arange(1, BEHIND + 1) < lengths[:, None])).any(axis=1)
    return Spans(owners, starts, places + 1 + lengths).only((starts < places) & dotted)


def _reach(seen: Bytes, allowed: Flags, room: Positions) -> Positions:
    """How far the allowed bytes go from the beginning of each window, to the last letter or digit of them."""
    width = seen.shape[1]
    barred = ~allowed.take(seen)
    lengths: Positions = np.minimum(np.where(barred.any(axis=1), barred.argmax(axis=1), width), room)
    longer = np.flatnonzero(lengths > 0)
    while len(longer := longer[~_LETTER.take(seen[longer, lengths[longer] - 1])]):
        lengths[longer] -= 1
        longer = longer[lengths[longer] > 0]
    return lengths
