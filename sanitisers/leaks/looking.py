"""Gathers what the rows show, originals and what stays, and has it read a good deal at a time.

The thread that gathers the last of so much reads it: a thread of its own for that took a third more of the processors,
which whoever loads the rows has better use for.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Protocol

import numpy as np

from sanitisers.engine.grid import end_to_end
from sanitisers.engine.prf import Values
from sanitisers.engine.spans import laid_together
from sanitisers.engine.telling import may_tell
from sanitisers.engine.watch import NOWHERE
from sanitisers.engine.whole_values import LONGEST

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sanitisers.engine.grid import Flags
    from sanitisers.engine.prf import Positions
    from sanitisers.ruleset.rules import Keep

SHORTEST = 5
"""Bytes of a value that is looked at: those of a postcode."""
AT_ONCE, AHEAD = 1 << 20, 4
"""Bytes of values that are read at once, and how often so many may wait while another thread reads."""
PIECE = 1 << 22
"""Bytes of a longer value that are looked at at once, so that it does not take many times its own memory."""
TIGHT = 0.75
"""Where values are so much of their buffer, it is taken as it is."""
BESIDE = 1 << 12
"""Bytes in which a mark is looked for to cut a longer value at."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands.

    Attributes:
        table: as rulesets write it.
        path: the column, or a path in its documents.
        original: whether a rule replaces what is there.
        common: whether that is what many people have in common, see Family.
    """

    table: str
    path: str
    original: bool
    common: bool = False

    @property
    def where(self) -> str:
        """The place as rulesets name it."""
        return f"{self.table}.{self.path}"


class Reader(Protocol):
    """Reads what was gathered; never by two threads at once."""

    def read(self, values: Values, places: Positions, rows: Positions, flags: Flags) -> None:
        """Take values in the order of their starts, each with the number of its place and of its row.

        Of each place `flags` say whether it is one of originals, and whether of what many have in common.
        """


class Looking:
    """Is shown values, see Check in `watch`. May be shown blocks by several threads.

    Attributes:
        unmatched: allowed columns and paths that nothing so far was about.
    """

    def __init__(self, readers: Sequence[Reader], allowed: Mapping[str, Keep]) -> None:
        """Take who reads, and the columns and paths that are left alone."""
        self._readers = readers
        self._lock = Lock()
        self._gathered: list[tuple[Values, Positions, Positions]] = []
        self._size = self._rows = 0
        self._reading = Lock()
        self._waiting: deque[tuple[Values, Positions, Positions]] = deque()
        self._places: dict[Place, int] = {}
        self._flags = np.zeros((1, 2), np.bool_)
        """Of each place whether it is one of originals, and of what many have in common; a last one for NOWHERE."""
        self._allowed = allowed
        self.unmatched = dict.fromkeys(allowed)

    def original(self, table: str, path: str, *, common: bool = False) -> int:
        """See Check."""
        return self._place(Place(table, path, original=True, common=common))

    def kept(self, table: str, path: str) -> int:
        """See Check."""
        return self._place(Place(table, path, original=False))

    def _place(self, place: Place) -> int:
        if self._is_allowed(place.table, place.where):
            return NOWHERE
        number = self._places.setdefault(place, len(self._places))
        if number == len(self._flags) - 1:
            own = np.array([[place.original, place.common], [False, False]])
            self._flags = np.concatenate((self._flags[:-1], own))
        return number

    def _is_allowed(self, table: str, where: str) -> bool:
        # The name of a schema and a table is no beginning of a place that counts.
        names = [name for name in self._allowed if name.startswith(f"{table}.")]
        found = [name for name in names if where == name or where.startswith((f"{name}.", f"{name}["))]
        for name in found:
            self.unmatched.pop(name, None)
        return bool(found)

    def look(self, values: Values, places: Positions | int, rows: Positions | None = None) -> None:
        """See Check."""
        lengths = values.ends - values.starts
        order = np.flatnonzero((lengths >= SHORTEST) & (places != NOWHERE))
        if (np.diff(values.starts.take(order)) < 0).any():
            order = order[np.argsort(values.starts.take(order), kind="stable")]
        own = np.full(len(order), places) if isinstance(places, int) else places.take(order)
        # Of a long original only addresses and numbers count, and most of what is replaced is prose without any.
        long = np.flatnonzero((lengths.take(order) > LONGEST) & self._flags[:, 0].take(own))
        if len(long):
            which = order.take(long)
            prose = Values(values.buffer, values.starts.take(which), values.ends.take(which))
            silent = long[~may_tell(prose)]
            order, own = np.delete(order, silent), np.delete(own, silent)
        longer = np.flatnonzero(lengths.take(order) > PIECE)
        for index in longer.tolist():
            self._look_in_pieces(values, int(order[index]), int(own[index]))
        if len(longer):
            order, own = np.delete(order, longer), np.delete(own, longer)
        if not len(order):
            return
        chosen = Values(values.buffer, values.starts.take(order), values.ends.take(order))
        if int(lengths.take(order).sum()) < TIGHT * len(values.buffer):
            chosen = end_to_end(chosen, apart=1)
        with self._lock:
            in_rows = (order if rows is None else rows.take(order)) + self._rows
            self._rows = int(in_rows.max()) + 1
            self._gathered.append((chosen, own, in_rows))
            self._size += len(chosen.buffer)
            if self._size >= AT_ONCE:
                self._waiting.append(self._taken())
        if self._waiting:
            self._read()

    def _look_in_pieces(self, values: Values, index: int, place: int) -> None:
        start, end = int(values.starts[index]), int(values.ends[index])
        text = values.buffer.data
        while start < end:
            cut = min(start + PIECE, end)
            if cut < end:
                last = max(bytes(text[cut - BESIDE : cut]).rfind(mark) for mark in (b"\n", b'"', b"<", b",", b";"))
                cut -= BESIDE - 1 - last if last >= 0 else _further(text[cut - 3 : cut + 1])
            self.look(Values(values.buffer, np.array([start]), np.array([cut])), place)
            start = cut

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

    def finish(self) -> list[Place]:
        """Have everything read that was shown, when nothing more will be; gives the places by their numbers."""
        if self._gathered:
            self._waiting.append(self._taken())
        self._read()
        return list(self._places)


def _further(bytes_before: memoryview) -> int:
    """How many bytes to go back from behind three bytes, given with the one behind, to where a character begins."""
    begins = [(byte & 0xC0) != 0x80 for byte in bytes_before]
    return begins[::-1].index(True) if any(begins) else 0
