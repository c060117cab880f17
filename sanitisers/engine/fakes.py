"""Fakes for a whole column: which entry of which pool, and the keyed letters and digits between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np
import pyarrow as pa

from sanitisers.engine.grid import Pieces, binary_array, buffer_of
from sanitisers.families.form import CODE_LETTERS, Code, Digits, Fixed, Form, Letters, Pick, PickByLength

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from sanitisers.engine.prf import Keyed
    from sanitisers.engine.values import Positions, Words
    from sanitisers.families.form import Part

Indexes: TypeAlias = "NDArray[np.int64]"
_LETTERS = np.frombuffer(CODE_LETTERS.encode(), np.uint8)


@dataclass(frozen=True, slots=True)
class Taken:
    """One part of the fakes of a column: an array, and for each value the index into it."""

    array: Pieces
    indexes: Indexes


class _Maker(Protocol):
    def __call__(self, keyed: Keyed, lengths: Positions) -> Taken:
        """The part for each value, given its keyed numbers and the bytes of its original."""


class Fakes:
    """The fakes of a form, their texts escaped for the place they go to."""

    def __init__(self, form: Form, escape: Callable[[str], bytes]) -> None:
        """Take what turns a text into the bytes that stand for it."""
        self._makers = [_maker(part, escape) for part in form.parts]
        self.entries: list[bytes] = []
        """All fakes there are, in the order of the indexes, where a fake is a single entry of a pool."""
        self.pick: Pick | PickByLength | None = None
        """How an entry is picked, in the same case."""
        match form.parts:
            case (Pick() as pick,):
                self.pick, self.entries = pick, [escape(entry) for entry in pick.entries]
            case (PickByLength() as pick,):
                self.pick, self.entries = pick, [escape(entry) for entries in pick.pools for entry in entries]

    def parts(self, keyed: Keyed, lengths: Positions) -> list[Taken]:
        """The parts of each fake, in order."""
        return [make(keyed, lengths) for make in self._makers]


def _maker(part: Part, escape: Callable[[str], bytes]) -> _Maker:
    match part:
        case Fixed(text):
            return _fixed(constant(escape(text)))
        case Pick(entries):
            return _pick(pool([escape(entry) for entry in entries]))
        case PickByLength():
            return _pick_by_length(part, escape)
        case Code(length):
            return _generated(length, code)
        case Digits(length):
            return _generated(length, digits)
        case Letters(places):
            return _lettered(places, escape)


def pool(entries: Sequence[bytes]) -> Pieces:
    """Entries as an Arrow array."""
    return pa.array(entries, pa.binary())


def constant(text: bytes) -> Pieces:
    """An Arrow array of one entry."""
    return pool([text])


def joined(parts: Sequence[Taken]) -> Taken:
    """Several parts of each value as one."""
    bases = np.cumsum([0, *(len(part.array) for part in parts)])
    order = np.stack([base + part.indexes for base, part in zip(bases.tolist(), parts, strict=False)], axis=1)
    together = pa.concat_arrays([part.array for part in parts])
    taken = together.take(pa.array(order.reshape(-1), pa.int64()))
    return Taken(runs_of(taken, np.arange(0, order.size + 1, len(parts))), np.arange(len(order), dtype=np.int64))


def runs_of(pieces: Pieces, edges: Indexes) -> Pieces:
    """The pieces between neighbouring edges as one, without a copy; the pieces lie end to end."""
    _, offsets, data = pieces.buffers()
    if offsets is None or data is None:  # nothing but empty pieces
        return pool([b""] * (len(edges) - 1))
    places = np.frombuffer(memoryview(offsets), np.int32)[pieces.offset : pieces.offset + len(pieces) + 1]
    return binary_array(places.take(edges), data)


def _fixed(array: Pieces) -> _Maker:
    return lambda keyed, lengths: Taken(array, np.zeros(len(lengths), np.int64))


def _pick(array: Pieces) -> _Maker:
    size = np.uint64(len(array))
    return lambda keyed, lengths: Taken(array, (keyed.low % size).astype(np.int64))


def _pick_by_length(part: PickByLength, escape: Callable[[str], bytes]) -> _Maker:
    array = pool([escape(entry) for entries in part.pools for entry in entries])
    picking = Picking([part])

    def make(keyed: Keyed, lengths: Positions) -> Taken:
        return Taken(array, picking.of(np.zeros(len(lengths), np.int64), keyed.low, lengths))

    return make


class Picking:
    """Which entries are picked, for values of several picks at once."""

    def __init__(self, picks: Sequence[Pick | PickByLength]) -> None:
        """Take the picks; their entries lie end to end."""
        ladders = [pick.pools if isinstance(pick, PickByLength) else (pick.entries,) for pick in picks]
        self._least = np.array([pick.first if isinstance(pick, PickByLength) else 0 for pick in picks], np.int64)
        self._pools = np.array([len(ladder) for ladder in ladders], np.int64)
        self._ladders = np.cumsum(self._pools) - self._pools
        self._sizes = np.array([len(entries) for ladder in ladders for entries in ladder], np.uint64)
        self._bases = np.cumsum(self._sizes) - self._sizes

    def of(self, which: Indexes, low: Words, lengths: Positions) -> Indexes:
        """The index of the entry for each value, given its pick, its low number and the bytes of its original."""
        steps = pool_of_length(lengths, self._least.take(which), self._pools.take(which))
        pools = self._ladders.take(which) + steps
        return (self._bases.take(pools) + low % self._sizes.take(pools)).view(np.int64)


def pool_of_length(lengths: Positions, first: Indexes | int, pools: Indexes | int) -> Indexes:
    """For each length the pool whose limit, a power of two, it does not pass."""
    powers = np.ceil(np.log2(np.maximum(lengths, 1))).astype(np.int64)
    found: Indexes = np.minimum(np.maximum(powers - first, 0), pools - 1)
    return found


def _generated(length: int, make_text: Callable[[Words, int], NDArray[np.uint8]]) -> _Maker:
    def make(keyed: Keyed, lengths: Positions) -> Taken:
        count = len(lengths)
        offsets = np.arange(count + 1, dtype=np.int32) * np.int32(length)
        text = make_text(keyed.high, length)
        return Taken(binary_array(offsets, buffer_of(text)), np.arange(count, dtype=np.int64))

    return make


def _lettered(places: Sequence[str], escape: Callable[[str], bytes]) -> _Maker:
    """Letters that are one byte each, and need no escape, lie side by side; others are looked up one by one."""
    if all(len(escape(letter)) == 1 for letters in places for letter in letters):
        alphabets = [np.frombuffer(letters.encode(), np.uint8) for letters in places]
    else:
        alphabets = []

    def make(keyed: Keyed, lengths: Positions) -> Taken:
        count = len(lengths)
        picks = picked(keyed, [len(letters) for letters in places])
        if alphabets:
            text = np.empty((count, len(places)), np.uint8)
            for place, (alphabet, pick) in enumerate(zip(alphabets, picks, strict=True)):
                text[:, place] = alphabet.take(pick)
            offsets = np.arange(count + 1, dtype=np.int32) * np.int32(len(places))
            return Taken(binary_array(offsets, buffer_of(text)), np.arange(count, dtype=np.int64))
        pools = [pool([escape(letter) for letter in letters]) for letters in places]
        return joined([Taken(letters, pick) for letters, pick in zip(pools, picks, strict=True)])

    return make


_ODD = 0x9E3779B97F4A7C15
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def picked(keyed: Keyed, sizes: Sequence[int]) -> list[Indexes]:
    """For each size a number below it for each value: from the high number, then the low, then from mixtures."""
    picks: list[Indexes] = []
    words, left, taken = keyed.high, 2**64, 0
    for size in sizes:
        if left < size:
            taken += 1
            words, left = (keyed.low if taken == 1 else _mixed(keyed.high, keyed.low, taken)), 2**64
        picks.append((words % np.uint64(size)).astype(np.int64))
        words, left = words // np.uint64(size), left // size
    return picks


def _mixed(high: Words, low: Words, number: int) -> Words:
    """More numbers of both, by the last steps of SplitMix64 (Steele, Lea and Flood, 2014)."""
    words = (high ^ (low << np.uint64(1))) + np.uint64(_ODD * number % 2**64)
    words = (words ^ (words >> np.uint64(30))) * _FIRST
    words = (words ^ (words >> np.uint64(27))) * _SECOND
    return words ^ (words >> np.uint64(31))


def code(words: Words, length: int) -> NDArray[np.uint8]:
    """`length` letters for each number, five bits a letter from the lowest on: shape (numbers, length)."""
    text = np.empty((len(words), length), np.uint8)
    for place in range(length):
        text[:, place] = _LETTERS[((words >> np.uint64(5 * place)) & np.uint64(31)).astype(np.intp)]
    return text


def digits(words: Words, length: int) -> NDArray[np.uint8]:
    """`length` decimal digits for each number, the lowest last: shape (numbers, length)."""
    text = np.empty((len(words), length), np.uint8)
    ten = np.uint64(10)
    for place in reversed(range(length)):
        text[:, place] = (words % ten).astype(np.uint8) + ord("0")
        words = words // ten
    return text
