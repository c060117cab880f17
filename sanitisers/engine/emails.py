"""E-mail addresses anywhere in many values at once.

An address is what letters, digits and the marks `._%+'-` leave on both sides of an `@`, without marks at either
end, with a dot behind the `@`; 64 bytes on either side are looked at (RFC 5321 has no longer local part). Whatever
is beside it (brackets, quotes, letters beyond ASCII) ends it, so the same address is read the same way everywhere.
"""

from __future__ import annotations

import string
from typing import TYPE_CHECKING

import numpy as np

from sanitisers.engine.spans import Spans, in_values, table_of

if TYPE_CHECKING:
    from sanitisers.engine.grid import Flags
    from sanitisers.engine.prf import Bytes, Positions, Values

REACH = 64
"""Bytes looked at on either side of the @."""
AT, DOT = b"@."
LETTERS = (string.ascii_letters + string.digits).encode()
LOCAL_MARKS, DOMAIN_MARKS = b"._%+'-", b".-"
_LETTER, _LOCAL, _DOMAIN = table_of(LETTERS), table_of(LETTERS + LOCAL_MARKS), table_of(LETTERS + DOMAIN_MARKS)
_STEPS = np.arange(1, REACH + 1)


def find_emails(values: Values) -> Spans:
    """All addresses in values that are in the order of their starts."""
    text = values.buffer
    places = np.flatnonzero(text == AT)
    inside, owners = in_values(values, places)
    places = places.take(inside)
    room = np.minimum(places - values.starts.take(owners), REACH)
    before = text.take(places[:, None] - _STEPS, mode="clip")
    starts = places - _reach(before, _LOCAL, room)
    room = np.minimum(values.ends.take(owners) - 1 - places, REACH)
    after = text.take(places[:, None] + _STEPS, mode="clip")
    lengths = _reach(after, _DOMAIN, room)
    dotted = ((after == DOT) & (lengths[:, None] > _STEPS)).any(axis=1)
    return Spans(owners, starts, places + 1 + lengths).only((starts < places) & dotted)


def _reach(windows: Bytes, allowed: Flags, room: Positions) -> Positions:
    """How far the allowed bytes go from the beginning of each window, to the last letter or digit of them."""
    ends = np.ones((len(windows), REACH + 1), np.bool_)
    ends[:, :REACH] = ~allowed.take(windows)
    lengths = np.minimum(ends.argmax(axis=1), room)
    letters = _LETTER.take(windows) & (lengths[:, None] >= _STEPS)
    return np.where(letters.any(axis=1), REACH - letters[:, ::-1].argmax(axis=1), 0)
