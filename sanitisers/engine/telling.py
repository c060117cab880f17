"""Which values may hold something that tells a person, before anybody reads them: nearly no long text does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sanitisers.engine.numbers import LEAST, in_long_runs
from sanitisers.engine.spans import count_between

if TYPE_CHECKING:
    from sanitisers.engine.grid import Flags
    from sanitisers.engine.prf import Values

_BLANK, _AT, _PERCENT, _ZERO = b" @%0"
_ASCII = 0x80


def may_tell(values: Values) -> Flags:
    """Which values may hold an e-mail address or a number, or be short but for their blanks.

    Of those beyond ASCII nothing is known without a reading.
    """
    text = values.buffer
    blanks = text <= _BLANK
    wide = np.flatnonzero(blanks[1:] & blanks[:-1])
    marks = np.flatnonzero((text == _AT) | (text == _PERCENT) | (text >= _ASCII))
    digits = in_long_runs(np.flatnonzero((text - np.uint8(_ZERO)) < 10))
    found: Flags = count_between(marks, values.starts, values.ends) > 0
    found |= count_between(wide, values.starts, values.ends - 1) > 0
    return found | (count_between(digits, values.starts, values.ends) >= LEAST)
