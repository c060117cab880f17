"""Reads what is looked at, and passes on what it has seen to whoever compares."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sanitisers.leaks.detection import Detection
from sanitisers.leaks.gathering import Gathering
from sanitisers.leaks.leak_check import LeakCheck
from sanitisers.leaks.seen import NOTHING, Seen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sanitisers.engine.grid import Flags
    from sanitisers.engine.values import Positions, Values, Words
    from sanitisers.leaks.looking import Place
    from sanitisers.leaks.reading import Found, Wanted


class PassingOn:
    """A Reading that finds nothing itself. For one thread."""

    def __init__(self, wanted: Wanted) -> None:
        """Take what is looked for."""
        self._noted: list[tuple[Words, Positions, Positions]] = []
        self._leaks = LeakCheck(wanted.key, self._note) if wanted.leaks else None
        self._detection = Detection(wanted.written) if wanted.looks else None
        self._gathering = Gathering([one for one in (self._leaks, self._detection) if one is not None])
        self._finished = False

    def _note(self, hashes: Words, places: Positions, kinds: Positions) -> None:
        self._noted.append((hashes, places, kinds))

    def take(self, values: Values, places: Positions, rows: Positions, flags: Flags) -> None:
        """See Reading."""
        self._gathering.take(values, places, rows, flags)

    def add(self, seen: Seen, numbers: Positions) -> None:
        """See Reading: nobody passes on anything to one who passes it on."""
        raise AssertionError

    def found(self, places: Sequence[Place], rows: Mapping[str, int]) -> Found:
        """See Reading: whoever is given what was seen finds something."""
        raise AssertionError

    def finish(self) -> None:
        """Read what is still gathered: nothing more will be taken."""
        self._gathering.finish()
        self._finished = True

    def seen(self, places: Sequence[Place]) -> Seen:
        """What was seen since this was last asked for; `places` are those that there are, by their numbers."""
        noted, self._noted = self._noted, []
        looks = self._detection.counts() if self._finished and self._detection is not None else {}
        nothing = (NOTHING.hashes, NOTHING.where, NOTHING.kinds)
        hashes, where, kinds = (np.concatenate(parts) for parts in zip(nothing, *noted, strict=True))
        some = np.unique(np.append(where, np.array([number for number, _ in looks], np.int64)))
        index = {number: place for place, number in enumerate(some.tolist())}
        return Seen(
            [places[number] for number in index],
            hashes,
            np.searchsorted(some, where),
            kinds,
            {(index[number], kind): count for (number, kind), count in looks.items()},
        )
