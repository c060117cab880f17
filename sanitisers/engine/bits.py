"""Rows of up to 64 flags as one number each: what is asked of a row is then asked of all rows in a few steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from sanitisers.engine.grid import Flags
    from sanitisers.engine.values import Positions, Words

WIDTH = 64
_ONE = np.uint64(1)


def forwards(flags: Flags) -> Words:
    """Each row of flags, a multiple of eight, as one number: the first flag is its lowest bit."""
    packed = np.packbits(flags.reshape(-1), bitorder="little").reshape(len(flags), flags.shape[1] // 8)
    if packed.shape[1] < WIDTH // 8:
        packed, narrow = np.zeros((len(flags), WIDTH // 8), np.uint8), packed
        packed[:, : narrow.shape[1]] = narrow
    return packed.view("<u8")[:, 0]


def backwards(flags: Flags) -> Words:
    """Each row of 32 flags as one number: the last flag is its lowest bit."""
    return np.packbits(flags.reshape(-1)).view(">u4").astype(np.uint64)


def lowest(counts: Positions) -> Words:
    """Numbers whose lowest bits, so many of 64, are set, and no other."""
    bits: Words = ~np.uint64(0) >> (WIDTH - np.maximum(counts, 1)).astype(np.uint64)
    return bits * (counts > 0)


def count(words: Words) -> Positions:
    """How many bits of each are set."""
    return np.bitwise_count(words).astype(np.int64)


def run(words: Words) -> Positions:
    """How many bits are set from the lowest on, before one that is not."""
    # One more carries as far as all bits are set; these are then set no longer.
    return count(words & ~(words + _ONE))


def highest(words: Words) -> Positions:
    """The number of the highest bit that is set, from 1, of numbers of up to 52 bits; 0 where none is."""
    # A double holds so many bits exactly, and its exponent says where the highest is.
    return np.frexp(words.astype(np.float64))[1].astype(np.int64)


def side_by_side(words: Words) -> Flags:
    """Which have two bits set with none between them."""
    found: Flags = (words & (words >> _ONE)) != 0
    return found
