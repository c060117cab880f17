"""Many values at once: the bytes of all of them in one buffer, and where each begins and ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Bytes: TypeAlias = "NDArray[np.uint8]"
Positions: TypeAlias = "NDArray[np.int64]"
Words: TypeAlias = "NDArray[np.uint64]"


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


def texts_of(values: Values, which: Positions) -> list[Bytes]:
    """Some of the values, one by one."""
    return [values.buffer[values.starts[i] : values.ends[i]] for i in which.tolist()]
