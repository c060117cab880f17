"""Memory that two processes share, and how a message lies in it: arrays are copied in as they are, and once out."""

from __future__ import annotations

import mmap
import pickle
import struct
from collections.abc import Callable
from typing import Any

SLOT, SLOTS = 1 << 20, 6
"""Bytes of a slot, and how many there are: so far the one who sends may be ahead."""
_ALIGNED = 64


class Ring:
    """Slots that are taken one after the other, by the one who sends and by the one who receives.

    It is nowhere but in memory. Both have to tell each other which slots are full and which are free.

    Args:
        size: bytes of a slot.
        count: how many there are.
    """

    def __init__(self, size: int = SLOT, count: int = SLOTS) -> None:
        self.size, self.count = size, count
        self._memory = memoryview(mmap.mmap(-1, size * count))
        self._turn = 0

    def next(self) -> memoryview:
        """The slot whose turn it is."""
        start = self._turn * self.size
        self._turn = (self._turn + 1) % self.count
        return self._memory[start : start + self.size]


def write(thing: object, slot: Callable[[], memoryview], full: Callable[[int, bool], None]) -> None:
    """Write something into slots, one after the other.

    Args:
        thing: see `thing_of`.
        slot: gives the next that is free.
        full: is told of each how many bytes of it are used, and whether it is the last.
    """
    room, used = slot(), 0
    for part in _parts_of(thing):
        rest = memoryview(part)
        while len(rest):
            if used == len(room):
                full(used, False)
                room, used = slot(), 0
            some = rest[: len(room) - used]
            room[used : used + len(some)] = some
            used, rest = used + len(some), rest[len(some) :]
    full(used, True)


def _parts_of(thing: object) -> list[bytes | memoryview]:
    """Something as bytes, which lie one behind the other; no array is copied for it.

    First come the sizes of what follows, then the thing but for its arrays, then these, each where an array may begin.
    """
    buffers: list[pickle.PickleBuffer] = []
    text = pickle.dumps(thing, protocol=5, buffer_callback=buffers.append)
    others: list[bytes | memoryview] = [text, *(buffer.raw() for buffer in buffers)]
    parts: list[bytes | memoryview] = [struct.pack(f"<{len(others) + 1}Q", len(others), *map(len, others))]
    for other in others:
        parts += [bytes(-len(parts[-1]) % _ALIGNED), other]
    return parts


def thing_of(message: bytearray) -> Any:
    """What such bytes say, which one of our own processes has sent; its arrays are views of them."""
    memory = memoryview(message)
    (count,) = struct.unpack_from("<Q", memory)
    sizes = struct.unpack_from(f"<{count}Q", memory, 8)
    others, end = [], 8 * (count + 1)
    for size in sizes:
        start = end + -end % _ALIGNED
        end = start + size
        others.append(memory[start:end])
    return pickle.loads(others[0], buffers=others[1:])  # noqa: S301 - our own process
