"""What speaks against a dump that can be had: it is too old, much smaller than those before it, or nobody read it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median

from dmrefresh.bucket.store import DumpRef, Listed
from dmrefresh.console.showing import ago, moment
from dmrefresh.durations import spoken
from dmrefresh.errors import Failure, NoSuchDump
from dmrefresh.observer import Observer
from dmrefresh.report.words import size
from dmrefresh.settings.dumps import Dumps

_BEFORE = 10
"""Dumps that one is compared with."""
_ENOUGH = 3
"""Fewer than these tell nothing."""
_SKEW = timedelta(days=1)
"""How far a name may be ahead: clocks differ, and some tell local time."""
_CLEANED_EVERY = timedelta(days=7)
"""How often a cleaned dump is made at least; one may be so much older than the dump that it was made of."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """One thing that speaks against a dump: how it is warned of, and what refuses it, where it is to be refused."""

    warning: str
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Doubts:
    """All that speaks against a dump."""

    all: tuple[Doubt, ...] = ()

    @property
    def warnings(self) -> list[str]:
        """What is only warned of."""
        return [one.warning for one in self.all if one.failure is None]

    @property
    def refusals(self) -> list[Failure]:
        """What refuses the dump."""
        return [one.failure for one in self.all if one.failure is not None]

    def settle(self, observer: Observer) -> None:
        """Warn, and go on if nothing refuses.

        Raises:
            Failure: the first of what does.
        """
        for warning in self.warnings:
            observer.warn(warning)
        for failure in self.refusals:
            raise failure


def of_age_and_size(
    settings: Dumps, dump: DumpRef, listed: Sequence[Listed], *, newer: str | None = None
) -> list[Doubt]:
    """What the age and the size of a dump say against it.

    Args:
        settings: what is too old and too small, and what becomes of it.
        dump: the dump.
        listed: the dumps of its stage, the newest first.
        newer: the name of a newer one, which was not taken since nobody has read it back.
    """
    refuses = settings.doubtful == "refuse"
    found = []
    if dump.taken is not None and is_old(dump.taken, settings.max_age):
        hint = f"`dmrefresh check-dump {newer} --record` reads the newest. " if newer else "is the backup job running? "
        found.append(_doubt(_old(dump.key, dump.taken, settings.max_age), dump.key, hint, refuses=refuses))
    if dump.taken is not None and is_ahead(dump.taken):
        what = f"{dump.key} is of a time to come ({moment(dump.taken)})"
        found.append(_doubt(what, dump.key, "is the clock right where it was made? ", refuses=refuses))
    if is_small(dump.key, dump.size, listed, settings.smallest):
        usual = size(round(_usual_size(dump.key, listed) or 0))
        what = f"{dump.key} has {size(dump.size)}, where those before it have {usual}"
        found.append(_doubt(what, dump.key, "is all of the data in it? ", refuses=refuses))
    return found


def of_a_cleaned_one(settings: Dumps, dump: DumpRef) -> Doubts:
    """What the age of a cleaned dump says against it; nothing refuses it, since nothing better is to be had."""
    limit = settings.max_age + _CLEANED_EVERY
    if dump.taken is None or not is_old(dump.taken, limit):
        return Doubts()
    return Doubts((Doubt(_old(dump.key, dump.taken, limit)),))


def is_old(taken: datetime, limit: timedelta) -> bool:
    """Whether it was taken longer ago than that."""
    return datetime.now(UTC) - taken > limit


def is_ahead(taken: datetime) -> bool:
    """Whether it would be the newest for longer than clocks differ."""
    return taken - datetime.now(UTC) > _SKEW


def is_small(key: str, size: int, listed: Sequence[Listed], share: float) -> bool:
    """Whether a dump is so much smaller than those before it that some of the data may be missing.

    Args:
        key: its name.
        size: its bytes.
        listed: the dumps of its stage, the newest first.
        share: how large it must be at least, as a share of the middle one of up to ten before it.
    """
    usual = _usual_size(key, listed)
    return usual is not None and size < share * usual


def _usual_size(key: str, listed: Sequence[Listed]) -> float | None:
    """The middle one of the sizes (bytes) of the dumps before this one; None where there are too few to tell."""
    before = [one.size for one in listed if one.size and one.key < key][:_BEFORE]
    return median(before) if len(before) >= _ENOUGH else None


def _old(key: str, taken: datetime, limit: timedelta) -> str:
    return f"{key} is {ago(taken)} old, and more than {spoken(limit)} is too old"


def _doubt(what: str, key: str, ask: str, *, refuses: bool) -> Doubt:
    all_the_same = f'`--dump {key}` takes it all the same, as does doubtful = "warn" under [dumps]'
    return Doubt(what, NoSuchDump(f"{what}.", hint=ask + all_the_same) if refuses else None)
