"""Which values may hold something that tells a person, before anybody reads them: nearly no long text does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sanitisers.engine.dialled import GAP, MARK
from sanitisers.engine.digits import Groups
from sanitisers.engine.numbers import LEAST
from sanitisers.engine.plain_characters import may_be_unusual, unusual
from sanitisers.engine.spans import in_values

if TYPE_CHECKING:
    from sanitisers.engine.grid import Flags
    from sanitisers.engine.values import Bytes, Positions, Values

_BLANK, _AT, _PERCENT, _FOUR = b" @%4"
_ASCII = 0x80


def may_tell(values: Values) -> Flags:
    """Which values, in the order of their starts, may hold an e-mail address or a number, or be padded with blanks.

    What people write in place of the usual characters may be an @ or a digit, so whatever holds such may tell.
    """
    text = values.buffer
    found: Flags = text.take(values.ends - 1, mode="clip") == _BLANK
    # Hardly any byte is one of these, so their values are looked up and not what is in each value.
    digits, _ = Groups.of(text).in_runs(text, MARK, GAP, LEAST)
    for places in (_ats_and_unusual(text), digits.starts):
        found[in_values(values, places)[1]] = True
    return found


def _ats_and_unusual(text: Bytes) -> Positions:
    # One search for all three is faster than three.
    places = np.flatnonzero((text == _AT) | (text == _PERCENT) | may_be_unusual(text))
    bytes_there = text.take(places)
    percents, beyond = places[bytes_there == _PERCENT], places[bytes_there >= _ASCII]
    percents = percents[text.take(percents + 1, mode="clip") == _FOUR]
    return np.concatenate((places[bytes_there == _AT], percents, unusual(text, beyond)[0]))
