"""Which of a set of known keys a text is, for all keys of a block at once."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sanitisers.engine.grid import Flags
    from sanitisers.engine.values import Bytes, Positions, Words

_WORD = 8
LONGEST = 64
"""Bytes of a key; of a longer one nothing is said."""
# Bytes of a word that belong to a key with so many bytes left.
_KEPT = np.array([(1 << (8 * left)) - 1 for left in range(_WORD + 1)], np.uint64)
_HIGH = np.uint64(0x8080808080808080)
_ODD = 0x9E3779B97F4A7C15  # 2^64 by the golden ratio, as Fibonacci hashing has it


class Keys:
    """Known keys, looked up by a hash without collisions among them and then compared byte by byte.

    Attributes:
        names: the keys as bytes; what is none of them has the index `len(names)`.
    """

    def __init__(self, names: Sequence[bytes]) -> None:
        """Take the keys, which differ and are at most LONGEST bytes long."""
        self.names = tuple(names)
        self.unknown = len(self.names)
        lengths = np.array([*map(len, names), -1], np.int64)
        padded = b"".join(name.ljust(LONGEST, b"\0") for name in (*names, b""))
        words = np.frombuffer(padded, "<u8").reshape(-1, LONGEST // _WORD)
        self._lengths, self._words = lengths, [np.ascontiguousarray(words[:, place]) for place in range(words.shape[1])]
        own = np.concatenate([np.frombuffer(name, np.uint8) for name in (*names, bytes(LONGEST))])
        ends = np.cumsum(lengths[:-1])
        hashes, _ = _hashes(own, ends - lengths[:-1], ends)
        for attempt in count():
            self._shift = np.uint64(64 - (len(names).bit_length() + 3 + attempt // 64))
            self._odd = np.uint64((_ODD * (2 * attempt + 1)) % 2**64)
            places = (hashes * self._odd) >> self._shift
            if len(set(places.tolist())) == len(names):
                break
        self._table = np.full(1 << (64 - int(self._shift)), self.unknown, np.int64)
        self._table[places.astype(np.int64)] = np.arange(len(names))

    def find(self, text: Bytes, starts: Positions, ends: Positions) -> tuple[Positions, Words, Flags]:
        """The index of each key; a hash over all its bytes; and whether it is known, or else short and ASCII only.

        `text` has at least eight bytes behind the last key.
        """
        hashes, words = _hashes(text, starts, ends)
        found = self._table.take(((hashes * self._odd) >> self._shift).view(np.int64))
        same = self._lengths.take(found) == ends - starts
        for own, (chosen, theirs) in zip(self._words, words, strict=False):
            same[chosen] &= own.take(found[chosen]) == theirs
        sure = ends - starts <= LONGEST
        for chosen, theirs in words:
            sure[chosen] &= (theirs & _HIGH) == 0
        return np.where(same, found, self.unknown), hashes, sure | same


def _hashes(text: Bytes, starts: Positions, ends: Positions) -> tuple[Words, list[tuple[slice | Positions, Words]]]:
    """A hash of each key; and, place by place, which keys have a word there and which word."""
    windows = np.ndarray((len(text) - _WORD + 1,), "<u8", text, strides=(1,))
    left = ends - starts
    # Spread over the word: as it is, a length could make up for a byte, and two keys would never differ.
    hashes = left.astype(np.uint64) * np.uint64(_ODD)
    chosen: slice | Positions = slice(None)
    words = []
    for place in range(0, LONGEST, _WORD):
        if place:
            chosen = np.flatnonzero(ends - starts > place)
            left = (ends - starts)[chosen] - place
            if not len(left):
                break
        word = windows[starts[chosen] + place] & _KEPT.take(np.minimum(left, _WORD))
        words.append((chosen, word))
        mixed = (hashes[chosen] ^ word) * np.uint64(_ODD)
        hashes[chosen] = mixed ^ (mixed >> np.uint64(29))
    return hashes, words
