"""check-dump: a stored dump read to its end marker, or only opened; nothing is published, and nothing kept but a note
beside it that it was read back, where that is wanted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from dmrefresh.bucket.verified import SUFFIX
from dmrefresh.jobs.attempts import Patience, attempts
from dmrefresh.jobs.dumps.choosing import said_of_age_and_size
from dmrefresh.jobs.dumps.noted import note_beside
from dmrefresh.jobs.dumps.reading_back import Stored, opens, read_back
from dmrefresh.jobs.dumps.taking import choose, introduce
from dmrefresh.jobs.limits import limits_of
from dmrefresh.observer import Observer
from dmrefresh.report.model import Checked
from dmrefresh.settings.model import Settings

T = TypeVar("T")


def prepare(settings: Settings, *, name: str | None = None, stage: str | None = None) -> Stored:
    """Find the dump and the keys' files.

    Args:
        settings: the settings that hold.
        name: the object of this name instead of the newest.
        stage: whose dumps to look at, instead of the one in the settings.

    Raises:
        Failure: something is missing.
    """
    found = choose(settings, name, stage)
    doubts = [] if name else said_of_age_and_size(settings.dumps, found.store, found.dump)
    return Stored(
        found.store,
        found.dump,
        settings.keys.files(),
        limits_of(settings),
        settings.dumps.signed,
        (*found.passed_over, *doubts),
        settings.job,
    )


def run(stored: Stored, observer: Observer | None = None, *, quick: bool = False, record: bool = False) -> Checked:
    """Read every byte up to the end marker; what may heal is tried again.

    Args:
        stored: which dump.
        observer: is told about progress.
        quick: only see that the private key opens the dump, by its beginning.
        record: put a note beside it that it was read back. A backup is one also where a refresh would refuse it, so
            that is only warned of then.

    Raises:
        PublishedButUnfinished: the dump is as it must be, and the note could not be put beside it.
        Failure: the dump, the key or the bucket is not as it must be.
    """
    watching, patience = observer or Observer(), Patience.of(stored.job, endless=True)
    name = stored.dump.key
    introduce(stored.dump, watching, stored.doubts)

    def present(number: int) -> Stored:
        nonlocal stored
        if number > 1:  # it may have been replaced while it was read
            stored = replace(stored, dump=stored.store.named(name))
        return stored

    def again(look: Callable[[int], T]) -> T:
        return attempts(look, watching, patience, doing="read back", dump=lambda: name)

    if quick:
        if stored.signed:
            watching.warn("whether the dump is signed shows only at its end, which a quick check does not read")
        again(lambda number: opens(present(number)))
        return Checked(name, stored.dump.size, None)
    back = again(lambda number: read_back(present(number), watching, refusing=not record))
    if record:
        note_beside(stored.store, back.verified, watching)
    return Checked(name, stored.dump.size, back.contents, recorded=name + SUFFIX if record else None)
