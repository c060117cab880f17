"""What of the rows is looked at, originals and what stays: each value, and the place that it stands in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from sanitisers.engine.values import Values
from sanitisers.engine.watch import NOWHERE
from sanitisers.leaks.gathering import silent_prose

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sanitisers.engine.grid import Flags
    from sanitisers.engine.values import Positions
    from sanitisers.ruleset.rules import Keep

SHORTEST = 5
"""Bytes of a value that is looked at: those of a postcode."""
PIECE = 1 << 22
"""Bytes of a longer value that are looked at at once, so that it does not take many times its own memory."""
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


class Taker(Protocol):
    """Takes what is to be looked at, which several threads may do."""

    def take(self, values: Values, places: Positions, rows: Positions, flags: Flags) -> None:
        """Take values in the order of their starts, each with the number of its place, and of its row among these.

        Of each place `flags` say whether it is one of originals, and whether of what many have in common.
        """


class Looking:
    """Is shown values, see Check in `watch`. May be shown blocks by several threads.

    Attributes:
        unmatched: allowed columns and paths that nothing so far was about.
    """

    def __init__(self, taker: Taker, allowed: Mapping[str, Keep]) -> None:
        """Take who is given what is to be looked at, and the columns and paths that are left alone."""
        self._taker = taker
        self._places: dict[Place, int] = {}
        self._flags = np.zeros((1, 2), np.bool_)
        """Of each place whether it is one of originals, and of what many have in common; a last one for NOWHERE."""
        self._allowed = allowed
        self.unmatched = dict.fromkeys(allowed)

    @property
    def places(self) -> list[Place]:
        """All places that there are so far, by their numbers."""
        return list(self._places)

    def original(self, table: str, path: str, *, common: bool = False) -> int:
        """See Check."""
        return self.number(Place(table, path, original=True, common=common))

    def kept(self, table: str, path: str) -> int:
        """See Check."""
        return self.number(Place(table, path, original=False))

    def number(self, place: Place) -> int:
        """The number of a place, which is given one if it has none; NOWHERE if it is left alone."""
        if (known := self._places.get(place)) is not None:
            return known
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
        longer = np.flatnonzero(lengths.take(order) > PIECE)
        if len(longer):
            self._look_at_longer(values, order.take(longer), own.take(longer))
            order, own = np.delete(order, longer), np.delete(own, longer)
        if len(order):
            chosen = Values(values.buffer, values.starts.take(order), values.ends.take(order))
            self._taker.take(chosen, own, order if rows is None else rows.take(order), self._flags)

    def _look_at_longer(self, values: Values, which: Positions, places: Positions) -> None:
        longer = Values(values.buffer, values.starts.take(which), values.ends.take(which))
        silent = silent_prose(longer, places, self._flags)  # the last piece of one would be short, and be taken whole
        for index in np.delete(np.arange(len(which)), silent).tolist():
            self._look_in_pieces(longer, index, int(places[index]))

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


def _further(bytes_before: memoryview) -> int:
    """How many bytes to go back from behind three bytes, given with the one behind, to where a character begins."""
    begins = [(byte & 0xC0) != 0x80 for byte in bytes_before]
    return begins[::-1].index(True) if any(begins) else 0
