"""Gathers what is shown, and has it read a good deal at a time.

The thread that gathers the last of so much reads it: a thread of its own for that took a third more of the processors,
which whoever loads the rows has better use for.
"""

from __future__ import annotations

from collections import deque
from threading import Lock
from typing import TYPE_CHECKING, Protocol

import numpy as np

from sanitisers.engine.grid import end_to_end
from sanitisers.engine.spans import laid_together
from sanitisers.engine.telling import may_tell
from sanitisers.engine.values import Values
from sanitisers.engine.whole_values import LONGEST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sanitisers.engine.grid import Flags
    from sanitisers.engine.values import Positions

AT_ONCE, AHEAD = 1 << 20, 4
"""Bytes of values that are read at once, and how often so many may wait while another thread reads."""
TIGHT = 0.75
"""Where values are so much of their buffer, it is taken as it is."""


class Reader(Protocol):
    """Reads what was gathered; never by two threads at once."""

    def read(self, values: Values, places: Positions, rows: Positions, flags: Flags) -> None:
        """Take values in the order of their starts, each with the number of its place and of its row.

        Of each place `flags` say whether it is one of originals, and whether of what many have in common. Nothing of
        the arrays is to be kept: what is in them may be another thing afterwards.
        """


class Gathering:
    """Takes what is shown, which several threads may do."""

    def __init__(self, readers: Sequence[Reader]) -> None:
        """Take who reads."""
        self._readers = readers
        self._lock = Lock()
        self._gathered: list[tuple[Values, Positions, Positions]] = []
        self._size = self._rows = 0
        self._flags = np.zeros((0, 2), np.bool_)
        self._reading = Lock()
        self._waiting: deque[tuple[Values, Positions, Positions]] = deque()

    def take(self, values: Values, places: Positions, rows: Positions, flags: Flags) -> None:
        """Take values as a Reader does; their rows are numbered among those that are taken with them."""
        silent = silent_prose(values, places, flags)
        if len(silent):
            values = Values(values.buffer, np.delete(values.starts, silent), np.delete(values.ends, silent))
            places, rows = np.delete(places, silent), np.delete(rows, silent)
        if not len(places):
            return
        values = compact(values, TIGHT)
        with self._lock:
            if len(flags) > len(self._flags):  # of those places that there are so far; they only become more
                self._flags = flags
            self._gathered.append((values, places, rows + self._rows))
            self._rows += int(rows.max()) + 1
            self._size += len(values.buffer)
            if self._size >= AT_ONCE:
                self._waiting.append(self._taken())
        if self._waiting:
            self._read()

    def finish(self) -> None:
        """Have everything read that was taken, when nothing more will be."""
        if self._gathered:
            self._waiting.append(self._taken())
        self._read()

    def _taken(self) -> tuple[Values, Positions, Positions]:
        """What was gathered, which is now taken away."""
        gathered, self._gathered, self._size = self._gathered, [], 0
        values, places, rows = zip(*gathered, strict=True)
        return laid_together(values), np.concatenate(places), np.concatenate(rows)

    def _read(self) -> None:
        """Have read what waits; where another thread has, it reads this, too, and is only waited for if it is slow."""
        if not self._reading.acquire(blocking=len(self._waiting) > AHEAD):
            return
        try:
            while self._waiting:
                values, places, rows = self._waiting.popleft()
                for reader in self._readers:
                    reader.read(values, places, rows, self._flags)
        finally:
            self._reading.release()


def silent_prose(values: Values, places: Positions, flags: Flags) -> Positions:
    """Indexes of the long originals that nothing is looked for in.

    Of a long original only addresses and numbers count, and most of what is replaced is prose without any.
    """
    long = np.flatnonzero((values.ends - values.starts > LONGEST) & flags[:, 0].take(places))
    if not len(long):
        return long
    prose = Values(values.buffer, values.starts.take(long), values.ends.take(long))
    silent: Positions = long[~may_tell(prose)]
    return silent


def compact(values: Values, tight: float) -> Values:
    """The values in a buffer of their own, unless they are at least this share of the one they are in."""
    if int((values.ends - values.starts).sum()) < tight * len(values.buffer):
        return end_to_end(values, apart=1)
    return values
