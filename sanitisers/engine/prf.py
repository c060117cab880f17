"""A keyed pseudo-random function over a whole column at once.

It is AES-CMAC (RFC 4493, NIST SP 800-38B) with a 256-bit key derived for each kind of value. All values of
a column are chained together: one AES call for each 16-byte step, over the values that have as many. The
standard's test vectors and any other implementation of CMAC check every bit of it.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from threading import local
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography.hazmat.primitives.ciphers import CipherContext
    from numpy.typing import NDArray

    from sanitisers.engine.values import Bytes, Positions, Values, Words

Steps: TypeAlias = "NDArray[np.void]"

STEP = 16
_STEP = np.dtype(f"V{STEP}")
# Beyond this length a step would be taken for too few values to be worth a call of its own.
LONG = 1024
# What the last step of a value that has n bytes of it keeps of its buffer.
_KEPT = np.array([[255] * n + [0] * (STEP - n) for n in range(STEP + 1)], np.uint8).view(np.uint64)


def derive_key(key: bytes, kind: str) -> bytes:
    """The AES-256 key of one kind of value, so that equal originals of two kinds have unrelated fakes."""
    return hmac.digest(key, b"dmrefresh kind " + kind.encode(), "sha256")


def fingerprint_of(key: bytes) -> str:
    """A few digits by which two runs with the same key are recognised; they say nothing about the key."""
    return hmac.new(key, b"dmrefresh fingerprint", hashlib.sha256).hexdigest()[:8]


class ColumnCmac:
    """AES-CMAC under one key, for many values at once."""

    def __init__(self, key: bytes) -> None:
        """Take an AES key of 16, 24 or 32 bytes."""
        self._cipher = Cipher(algorithms.AES(key), modes.ECB())  # noqa: S305 - one block a step: CMAC chains
        self._algorithm = algorithms.AES(key)
        self._of_thread = local()
        zero = int.from_bytes(self._cipher.encryptor().update(bytes(STEP)), "big")
        first = _double(zero)
        second = _double(first)
        self.added = np.frombuffer(
            b"".join((second ^ (0x80 << (8 * (STEP - 1 - n)))).to_bytes(STEP, "big") for n in range(STEP))
            + first.to_bytes(STEP, "big"),
            np.uint64,
        ).reshape(-1, 2)
        """What is added to the last step of a value that has n bytes of it."""

    def context(self) -> CipherContext:
        """What encrypts whole steps, one for each thread: they must not share it."""
        try:
            found: CipherContext = self._of_thread.context
        except AttributeError:
            found = self._of_thread.context = self._cipher.encryptor()
        return found

    def tags(self, values: Values) -> Bytes:
        """The 16-byte tag of each value, as an array of shape (values, 16)."""
        return tags_of([self], np.zeros(len(values.starts), np.int64), values)

    def one(self, value: Bytes) -> Bytes:
        """The tag of one value, which may be of any length."""
        cmac = CMAC(self._algorithm)
        cmac.update(value.tobytes())
        return np.frombuffer(cmac.finalize(), np.uint8)


def tags_of(cmacs: Sequence[ColumnCmac], which: Positions, values: Values) -> Bytes:
    """The 16-byte tag of each value under one of the functions, the index of which `which` has for each."""
    lengths = values.ends - values.starts
    tags = np.empty((len(lengths), STEP), np.uint8)
    long = np.flatnonzero(lengths > LONG)
    short = np.delete(np.arange(len(lengths)), long) if len(long) else slice(None)
    if len(lengths) > len(long):
        # Whole steps go from place to place many times faster than rows of bytes.
        tags.view(_STEP).reshape(-1)[short] = _chained(cmacs, which[short], values, lengths[short], short)
    for i in long.tolist():
        tags[i] = cmacs[which[i]].one(values.buffer[values.starts[i] : values.ends[i]])
    return tags


def _chained(
    cmacs: Sequence[ColumnCmac], which: Positions, values: Values, lengths: Positions, short: Positions | slice
) -> Steps:
    """The tags of values that are not long.

    All steps lie in one array: function by function and in it step by step, each over the values that have as
    many, those with most steps first. So each step begins with what the one before it has made of the same values.
    """
    steps = np.maximum((lengths + (STEP - 1)) // STEP, 1)
    most = int(steps.max())
    groups = which * most + (most - steps)
    order = np.argsort(groups.astype(np.min_scalar_type(len(cmacs) * most)), kind="stable")
    counts = np.bincount(groups, minlength=len(cmacs) * most).reshape(-1, most)
    active = np.cumsum(counts, axis=1)[:, ::-1]  # how many values have more than so many steps
    bases = np.cumsum(active).reshape(active.shape) - active
    firsts = np.cumsum(active[:, 0]) - active[:, 0]
    starts, steps, which = values.starts[short].take(order), steps.take(order), which.take(order)
    places = np.empty(int(active.sum()), np.int64)
    passes = [
        (function, step, base, first, count)
        for function, (row, of_row, first) in enumerate(
            zip(active.tolist(), bases.tolist(), firsts.tolist(), strict=True)
        )
        for step, (count, base) in enumerate(zip(row, of_row, strict=True))
        if count
    ]
    for _, step, base, first, count in passes:
        np.add(starts[first : first + count], STEP * step, out=places[base : base + count])
    blocks = _windows(values.buffer, int(places.max()) + STEP)[places]
    lasts = (bases - firsts[:, np.newaxis]).reshape(-1).take(which * most + steps - 1) + np.arange(len(order))
    left = lengths.take(order) - STEP * (steps - 1)
    ends = blocks.take(lasts).view(np.uint64).reshape(-1, 2)
    ends &= _KEPT.take(left, axis=0)
    ends ^= np.concatenate([cmac.added for cmac in cmacs]).take(which * (STEP + 1) + left, axis=0)
    blocks[lasts] = ends.view(_STEP).reshape(-1)
    encrypted = _encrypted(cmacs, blocks, passes)
    chained = np.empty(len(order), _STEP)
    chained[order] = encrypted.take(lasts)
    return chained


def _encrypted(cmacs: Sequence[ColumnCmac], blocks: Steps, passes: Sequence[tuple[int, int, int, int, int]]) -> Steps:
    """What the functions make of the steps, each added to what became of the one before it."""
    encrypted = np.empty(len(blocks) + 1, _STEP)  # AES wants room for one block more
    words, done = blocks.view(np.uint64), encrypted.view(np.uint64)
    given, taken = blocks.data.cast("B"), encrypted.data.cast("B")
    before = 0
    for function, step, base, _, count in passes:
        if step:
            words[2 * base : 2 * (base + count)] ^= done[2 * before : 2 * (before + count)]
        else:
            update = cmacs[function].context().update_into
        update(given[STEP * base : STEP * (base + count)], taken[STEP * base :])
        before = base
    return encrypted


def _windows(buffer: Bytes, size: int) -> Steps:
    """Item i is the 16 bytes from i on; the padding lets the last value be read so, too."""
    if size > len(buffer):
        buffer = np.concatenate((buffer, np.zeros(STEP, np.uint8)))
    return np.ndarray((len(buffer) - STEP + 1,), _STEP, buffer, strides=(1,))


def _double(block: int) -> int:
    """Times x in GF(2^128), as RFC 4493 (2.3) makes its subkeys."""
    return (block << 1) ^ 0x87 ^ (1 << 128) if block >> 127 else block << 1


@dataclass(frozen=True, slots=True)
class Keyed:
    """The tags of a column as two independent 64-bit numbers a value."""

    low: Words
    high: Words

    @classmethod
    def of(cls, cmac: ColumnCmac, values: Values) -> Keyed:
        """The keyed numbers of each value."""
        return cls.of_each([cmac], np.zeros(len(values.starts), np.int64), values)

    @classmethod
    def of_each(cls, cmacs: Sequence[ColumnCmac], which: Positions, values: Values) -> Keyed:
        """The same, each value having its function among several."""
        words = tags_of(cmacs, which, values).view("<u8")
        return cls(words[:, 0].copy(), words[:, 1].copy())
