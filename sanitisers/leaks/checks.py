"""What is looked for in the rows besides what rules say: leaks of originals, and what looks like personal data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sanitisers.leaks.detection import Detection
from sanitisers.leaks.leak_check import LeakCheck
from sanitisers.leaks.looking import Looking
from sanitisers.ruleset.model import Off

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sanitisers.ruleset.model import Ruleset


@dataclass(frozen=True, slots=True)
class Checks:
    """The checks of a run.

    Attributes:
        looking: is shown the rows.
        leaks: finds originals in what stays; None where it is off.
        detection: counts what looks personal in what stays; None where it is off.
        stops: whether what looks personal stops the run.
        written: gives the texts that rules write.
    """

    looking: Looking
    leaks: LeakCheck | None
    detection: Detection | None
    stops: bool
    written: Callable[[], Iterable[str]]

    @classmethod
    def of(cls, ruleset: Ruleset, key: bytes, written: Callable[[], Iterable[str]]) -> Checks | None:
        """Those that the ruleset wants; None where it wants none. `key` is that of the run."""
        leaks = LeakCheck(key) if ruleset.leak_check is None else None
        detection = None if isinstance(ruleset.detectors, Off) else Detection(written)
        readers = [reader for reader in (leaks, detection) if reader is not None]
        if not readers:
            return None
        return cls(Looking(readers, ruleset.leaks), leaks, detection, ruleset.detectors == "stop", written)


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
