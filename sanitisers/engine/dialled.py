"""Telephone numbers among other digits: what begins with 0 and an area code, or with a plus, and has the right length.

Each consists of whole groups of digits: `07711 654321 9am` and `ring 1) 07711.654.321` hold one, `077116543219` none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sanitisers.engine.alphabets import table_of

if TYPE_CHECKING:
    from sanitisers.engine.digits import Groups
    from sanitisers.engine.grid import Flags
    from sanitisers.engine.values import Bytes, Positions

MARKS = b" ()./-"
GAP = 3
"""Marks between two groups at most."""
MARK = table_of(MARKS)
_ZERO, _PLUS = b"0+"
AREA = 3
"""Digits of the first group at least, or it may be a day or a month."""
NATIONAL, ABROAD = (10, 11), (11, 12, 13)
"""Digits of a number that begins with 0, and with a plus."""
_MOST = max(ABROAD) + 1
_FITS = np.array([[count in lengths for count in range(_MOST + 1)] for lengths in (NATIONAL, ABROAD)])
_MOST_GROUPS = 8


def dialled_among(text: Bytes, groups: Groups, joined: Flags) -> tuple[Positions, Positions]:
    """The first and the last group of each such number, of groups with others that they are joined to by marks."""
    places, sizes = groups.starts, groups.sizes
    plus = text.take(places - 1) == _PLUS
    area = (text.take(places) == _ZERO) & (text.take(places + 1, mode="clip") != _ZERO) & (sizes >= AREA)
    begins = np.flatnonzero(plus | area)
    if not len(begins):
        return begins, begins
    last, counts = begins, sizes.take(begins)
    starts, ends = [], []
    for _ in range(_MOST_GROUPS):
        fits = _FITS[plus.take(begins).view(np.uint8), np.minimum(counts, _MOST)]
        starts.append(begins[fits])
        ends.append(last[fits])
        more = joined.take(last) & (counts < max(ABROAD))
        if not more.any():
            break
        begins, last = begins[more], last[more] + 1
        counts = counts[more] + sizes.take(last)
    return np.concatenate(starts), np.concatenate(ends)
