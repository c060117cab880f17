"""A keyed pseudo-random function over a whole column at once.

It is AES-CMAC (RFC 4493, NIST SP 800-38B) with a 256-bit key derived for each kind of value. All values of
a column are chained together: one AES call for each 16-byte step, over the values that still have bytes
left. The standard's test vectors and any other implementation of CMAC check every bit of it.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Bytes: TypeAlias = "NDArray[np.uint8]"
Positions: TypeAlias = "NDArray[np.int64]"
Words: TypeAlias = "NDArray[np.uint64]"

STEP = 16
_STEP = np.dtype(f"V{STEP}")
# Beyond this length a step would be taken for too few values to be worth a call of its own.
LONG = 1024


def derive_key(key: bytes, kind: str) -> bytes:
    """The AES-256 key of one kind of value, so that equal originals of two kinds have unrelated fakes."""
    return hmac.digest(key, b"dmrefresh kind " + kind.encode(), "sha256")


def fingerprint_of(key: bytes) -> str:
    """A few digits by which two runs with the same key are recognised; they say nothing about the key."""
    return hmac.new(key, b"dmrefresh fingerprint", hashlib.sha256).hexdigest()[:8]


@dataclass(frozen=True, slots=True)
class Values:
    """Values lying in a buffer: value i is `buffer[starts[i]:ends[i]]`."""

    buffer: Bytes
    starts: Positions
    ends: Positions

    @classmethod
    def of(cls, values: Sequence[bytes]) -> Values:
        """Separate values, laid end to end."""
        ends = np.cumsum(np.fromiter(map(len, values), np.int64, len(values)), dtype=np.int64)
        starts = np.concatenate((np.zeros(1, np.int64), ends[:-1])) if len(values) else ends
        return cls(np.frombuffer(b"".join(values), np.uint8), starts, ends)


class ColumnCmac:
    """AES-CMAC under one key, for many values at once."""

    def __init__(self, key: bytes) -> None:
        """Take an AES key of 16, 24 or 32 bytes."""
        self._cipher = Cipher(algorithms.AES(key), modes.ECB())  # noqa: S305 - one block a step: CMAC chains
        self._algorithm = algorithms.AES(key)
        zero = int.from_bytes(self._cipher.encryptor().update(bytes(STEP)), "big")
        first = _double(zero)
        second = _double(first)
        # What the last step of a value with n bytes left keeps of the buffer, and what is added to it.
        self._kept = np.array([[255] * n + [0] * (STEP - n) for n in range(STEP + 1)], np.uint8)
        self._added = np.array(
            [list((second ^ (0x80 << (8 * (STEP - 1 - n)))).to_bytes(STEP, "big")) for n in range(STEP)]
            + [list(first.to_bytes(STEP, "big"))],
            np.uint8,
        )

    def tags(self, values: Values) -> Bytes:
        """The 16-byte tag of each value, as an array of shape (values, 16)."""
        lengths = values.ends - values.starts
        tags = np.empty((len(lengths), STEP), np.uint8)
        short = np.flatnonzero(lengths <= LONG)
        # Longest first: then the values still active at any step are a prefix.
        order = short.take(np.argsort((-lengths.take(short)).astype(np.int16), kind="stable"))
        chained = self._chain(values.buffer, values.starts.take(order), lengths.take(order))
        # Whole steps go from place to place many times faster than rows of bytes.
        tags.view(_STEP).reshape(-1)[order] = chained.view(_STEP).reshape(-1)
        for i in np.flatnonzero(lengths > LONG).tolist():
            tags[i] = self._one(values.buffer[values.starts[i] : values.ends[i]])
        return tags

    def _chain(self, buffer: Bytes, starts: Positions, lengths: Positions) -> Bytes:
        """The tags of values given longest first."""
        state = np.zeros((len(starts), STEP), np.uint8)
        if not len(starts):
            return state
        steps = np.maximum((lengths + STEP - 1) // STEP, 1)
        # Item i of `windows` is the 16 bytes from i on; the padding lets the last value be read so, too.
        if int((starts + STEP * steps).max()) > len(buffer):
            buffer = np.concatenate((buffer, np.zeros(STEP, np.uint8)))
        windows = np.ndarray((len(buffer) - STEP + 1,), _STEP, buffer, strides=(1,))
        # One context for each call: contexts must not be shared by threads.
        update = self._cipher.encryptor().update_into
        output = bytearray((len(starts) + 1) * STEP)  # it wants room for one block more
        encrypted = np.frombuffer(output, np.uint8, len(starts) * STEP).reshape(-1, STEP)
        negative = -steps
        for step in range(int(steps[0])):
            active = int(np.searchsorted(negative, -step, "left"))  # how many have more than `step` steps
            block = windows[starts[:active] + STEP * step].view(np.uint8).reshape(active, STEP)
            ending = int(np.searchsorted(negative[:active], -(step + 1), "left"))
            if ending < active:
                left = lengths[ending:active] - STEP * step
                block[ending:] &= self._kept.take(left, axis=0)
                block[ending:] ^= self._added.take(left, axis=0)
            block ^= state[:active]
            update(block.data, output)
            state[:active] = encrypted[:active]
        return state

    def _one(self, value: Bytes) -> Bytes:
        cmac = CMAC(self._algorithm)
        cmac.update(value.tobytes())
        return np.frombuffer(cmac.finalize(), np.uint8)


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
        words = cmac.tags(values).view("<u8")
        return cls(words[:, 0].copy(), words[:, 1].copy())
