"""What reads all that is looked at, and says at the end what was found, here and elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeAlias

from sanitisers.leaks.detection import Detection
from sanitisers.leaks.gathering import Gathering
from sanitisers.leaks.leak_check import LeakCheck

if TYPE_CHECKING:
    from sanitisers.engine.grid import Flags
    from sanitisers.engine.values import Positions, Values
    from sanitisers.leaks.detection import Detected
    from sanitisers.leaks.leak_check import Compared, Leak
    from sanitisers.leaks.looking import Place
    from sanitisers.leaks.seen import Seen


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for.

    Attributes:
        key: that of the run.
        leaks: whether originals are, in what stays.
        looks: whether what looks personal is, in what stays.
        written: the texts that rules write, which are nobody's.
    """

    key: bytes = field(repr=False)
    leaks: bool
    looks: bool
    written: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """What was found; it holds nothing of any value.

    Attributes:
        leaks: originals in what stays, in the order of their places.
        by_chance: what may be one, but is seen by chance as often.
        compared: what was held against each other; None where nothing was.
        detected: what looks personal in what stays, in the order of the places.
    """

    leaks: list[Leak]
    by_chance: list[Leak]
    compared: Compared | None
    detected: list[Detected]


class Reading(Protocol):
    """Takes what is looked at, see Taker in `looking`, and says what it has found."""

    def take(self, values: Values, places: Positions, rows: Positions, flags: Flags) -> None:
        """See Taker."""

    def add(self, seen: Seen, numbers: Positions) -> None:
        """Take what was seen elsewhere, at places that have these numbers."""

    def found(self, places: Sequence[Place], rows: Mapping[str, int]) -> Found:
        """Once nothing more will be taken: what was found. Of `places` see Looking; `rows` are those of each table."""


Reads: TypeAlias = Callable[[Wanted], Reading]
"""Makes what reads."""


class Here:
    """Reads in this process: a Reading. May be given blocks by several threads."""

    def __init__(self, wanted: Wanted) -> None:
        """Take what is looked for."""
        self._written = wanted.written
        self._leaks = LeakCheck(wanted.key) if wanted.leaks else None
        self._detection = Detection(wanted.written) if wanted.looks else None
        self._gathering = Gathering([one for one in (self._leaks, self._detection) if one is not None])

    def take(self, values: Values, places: Positions, rows: Positions, flags: Flags) -> None:
        """See Reading."""
        self._gathering.take(values, places, rows, flags)

    def add(self, seen: Seen, numbers: Positions) -> None:
        """See Reading."""
        if self._leaks is not None and len(seen.hashes):
            # What comes from elsewhere lies in one piece of memory with the rows it was seen in, which is to go.
            self._leaks.add(seen.hashes.copy(), numbers.take(seen.where), seen.kinds)
        if self._detection is not None:
            self._detection.add({(int(numbers[place]), kind): count for (place, kind), count in seen.looks.items()})

    def found(self, places: Sequence[Place], rows: Mapping[str, int]) -> Found:
        """See Reading."""
        self._gathering.finish()
        detected = self._detection.found(places) if self._detection is not None else []
        if self._leaks is None:
            return Found([], [], None, detected)
        compared, leaks, by_chance = self._leaks.verdict(places, rows, self._written)
        return Found(leaks, by_chance, compared, detected)
