"""What is looked for in the rows besides what rules say: leaks of originals, and what looks like personal data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sanitisers.leaks.looking import Looking
from sanitisers.leaks.reading import Here, Wanted
from sanitisers.ruleset.model import Off

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sanitisers.leaks.reading import Found, Reading, Reads
    from sanitisers.leaks.seen import Seen
    from sanitisers.ruleset.model import Ruleset


@dataclass(frozen=True, slots=True)
class Checks:
    """The checks of a run.

    Attributes:
        looking: is shown the rows.
        reading: reads what is looked at.
        stops: whether what looks personal stops the run.
    """

    looking: Looking
    reading: Reading
    stops: bool

    @classmethod
    def of(cls, ruleset: Ruleset, key: bytes, written: Iterable[str], reads: Reads = Here) -> Checks | None:
        """Those that the ruleset wants; None where it wants none.

        `key` is that of the run, `written` are the texts that rules write, and `reads` makes what reads.
        """
        leaks, looks = ruleset.leak_check is None, not isinstance(ruleset.detectors, Off)
        if not (leaks or looks):
            return None
        reading = reads(Wanted(key, leaks, looks, tuple(written)))
        return cls(Looking(reading, ruleset.leaks), reading, ruleset.detectors == "stop")

    def add(self, seen: Seen) -> None:
        """Take what was seen in rows elsewhere."""
        self.reading.add(seen, np.array([self.looking.number(place) for place in seen.places], np.int64))

    def found(self, rows: Mapping[str, int]) -> Found:
        """Once all rows were shown, so many of each table: what was found."""
        return self.reading.found(self.looking.places, rows)


def what_is_off(ruleset: Ruleset) -> list[str]:
    """A sentence for each check that is off, with the reason."""
    found = []
    if ruleset.leak_check is not None:
        where = ruleset.at("leak_check")
        found.append(f"{where}: what is kept is not searched for what is replaced ({ruleset.leak_check})")
    if isinstance(ruleset.detectors, Off):
        where = ruleset.at("detectors")
        found.append(f"{where}: what is kept is not searched for what looks personal ({ruleset.detectors.reason})")
    return found
