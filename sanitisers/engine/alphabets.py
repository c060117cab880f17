"""Sets of bytes as tables, so that one look-up tells whether a byte is one of them."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from sanitisers.engine.grid import Flags


def table_of(letters: bytes) -> Flags:
    """For each byte whether it is one of these."""
    table = np.zeros(256, np.bool_)
    table[list(letters)] = True
    return table


WORD = (string.ascii_letters + string.digits + "_").encode()
"""What words are made of, as far as they are ASCII."""
IS_WORD = table_of(WORD)
IS_LETTER = table_of(string.ascii_letters.encode())
IS_DIGIT = table_of(string.digits.encode())
