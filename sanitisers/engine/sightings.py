"""Which hashes were seen where, and how often, in memory that does not grow without end."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sanitisers.engine.values import Positions, Words

    Counted: TypeAlias = tuple[Words, NDArray[np.uint32]]
    """Different hashes in ascending order, and how often each was seen."""

MOST = 1 << 24
"""Different hashes held at most, of 12 bytes each."""
_PENDING = 1 << 18
_BITS = 64


class Sightings:
    """Hashes by the place that they were seen in, each with its count. May be added to by several threads.

    Where there are more than `most` different ones, all but every second (fourth, eighth, …) are forgotten, by their
    own bits: which ones stay depends on all that was seen, and not on its order.

    Attributes:
        thinned: one in 2**thinned hashes is held.
    """

    def __init__(self, most: int = MOST) -> None:
        """Begin with nothing."""
        self.thinned = 0
        self._most = most
        self._lock = Lock()
        self._held: dict[int, Counted] = {}
        self._pending: list[tuple[Words, NDArray[np.int32]]] = []
        self._count_pending = 0
        self._size = 0

    def add(self, hashes: Words, places: Positions) -> None:
        """Note hashes, each with the number of the place it was seen in."""
        with self._lock:
            self._pending.append((hashes, places.astype(np.int32)))
            self._count_pending += len(hashes)
            if self._count_pending > max(_PENDING, self._size // 4):
                self._settle()

    def seen(self) -> dict[int, Counted]:
        """For each place the different hashes in ascending order, and how often each was seen."""
        with self._lock:
            self._settle()
            return dict(self._held)

    def _settle(self) -> None:
        hashes = np.concatenate([np.empty(0, np.uint64), *(hashes for hashes, _ in self._pending)])
        places = np.concatenate([np.empty(0, np.int32), *(places for _, places in self._pending)])
        self._pending, self._count_pending = [], 0
        few = places.astype(np.uint16) if len(places) and int(places.max()) < 1 << 16 else places
        order = np.argsort(few, kind="stable")  # of 16 bits much faster
        found, firsts = np.unique(places.take(order), return_index=True)
        for place, own in zip(found.tolist(), np.split(hashes.take(order), firsts[1:]), strict=False):
            own, times = _different(self._thin(own))
            before = self._held.get(place)
            self._held[place] = (own, times) if before is None else _merged(before, (own, times))
        self._size = sum(len(held) for held, _ in self._held.values())
        while self._size > self._most and self.thinned < _BITS - 1:
            self.thinned += 1
            for place, (held, counts) in self._held.items():
                stays = self._stays(held)
                self._held[place] = held[stays], counts[stays]
            self._size = sum(len(held) for held, _ in self._held.values())

    def _thin(self, hashes: Words) -> Words:
        return hashes[self._stays(hashes)] if self.thinned else hashes

    def _stays(self, hashes: Words) -> NDArray[np.bool_]:
        stays: NDArray[np.bool_] = (hashes & np.uint64((1 << self.thinned) - 1)) == 0
        return stays


def _different(hashes: Words) -> Counted:
    """The different hashes in ascending order, and how often each is there."""
    hashes = np.sort(hashes)
    firsts = np.flatnonzero(np.append(True, hashes[1:] != hashes[:-1])[: len(hashes)])
    return hashes.take(firsts), np.diff(firsts, append=len(hashes)).astype(np.uint32)


def _merged(ones: Counted, others: Counted) -> Counted:
    """Two such heaps as one."""
    hashes, counts = np.append(ones[0], others[0]), np.append(ones[1], others[1])
    if not len(hashes):
        return ones
    order = np.argsort(hashes)
    hashes = hashes.take(order)
    firsts = np.flatnonzero(np.append(True, hashes[1:] != hashes[:-1]))
    return hashes.take(firsts), np.add.reduceat(counts.take(order), firsts, dtype=np.uint32)
