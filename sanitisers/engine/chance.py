"""Whether two heaps of numbers have no more in common than they would have if nobody had copied any."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from sanitisers.engine.traces import MOST_DIGITS, digits_of

if TYPE_CHECKING:
    from sanitisers.engine.values import Words

SELDOM = 0.001
"""What happens in fewer cases is no chance."""


def expected(ones: Words, others: Words, one_in: int) -> float:
    """How many numbers of two heaps are the same by chance, where one in so many is held; given their hashes."""
    many, more = (np.bincount(digits_of(each).astype(np.int64), minlength=MOST_DIGITS + 1) for each in (ones, others))
    pairs: list[float] = (many.astype(np.float64) * more * one_in / 10.0 ** np.arange(MOST_DIGITS + 1)).tolist()
    return sum(pairs)


def is_chance(found: int, by_chance: float) -> bool:
    """Whether so many or more are found in SELDOM of all cases or oftener, where so many are by chance."""
    fewer = (math.exp(n * math.log(by_chance) - by_chance - math.lgamma(n + 1)) for n in range(found) if by_chance)
    return bool(by_chance) and 1 - sum(fewer) >= SELDOM
