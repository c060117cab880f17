"""The report of a run, as JSON: what was done, or what went wrong, and every attempt, however it ends."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol

from dmrefresh.errors import UNCHANGED, UNFINISHED, UNTOUCHED, Failure, PublishedButUnfinished, own_fault
from dmrefresh.machine.signals import Interrupted
from dmrefresh.observer import Observer
from dmrefresh.report import model as reporting
from dmrefresh.report.model import Try


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run has ended that did not go well: what of it others are told, and its report says.

    Attributes:
        status: `failed`, or `unfinished`: done, and wants a look (exit codes 30 to 39).
        exit_code: the command's.
        what: what happened, in a sentence.
        state: what became of the target or the backup.
        hint: what to do.
    """

    status: str
    exit_code: int
    what: str
    state: str
    hint: str | None


class Done(Protocol):
    """What a run that went well reports."""

    def as_dict(self) -> dict[str, object]:
        """For JSON."""

    def write(self, file: Path) -> None:
        """Write it; raises PublishedButUnfinished."""


@dataclass(slots=True)
class Record:
    """What is known of a run so far; `recorded` makes it.

    Attributes:
        about: what it is of, as the report has it: `job`, and `target` or `stage`.
        publishes: whether it has a target, whose state a failure tells.
        tries: the attempts so far.
        done: what it has done, once it has.
    """

    about: dict[str, object]
    publishes: bool
    file: Path | None
    tries: list[Try] = field(default_factory=list)
    done: Done | None = None
    began: float = field(default_factory=time.monotonic)

    def finished(self, done: Done) -> None:
        """Write the report of what was done.

        Raises:
            PublishedButUnfinished: it cannot be written.
        """
        self.done = done
        if self.file is not None:
            done.write(self.file)

    def failed(self, error: BaseException) -> dict[str, object]:
        """The report of a run that has ended with this; of one that was done all the same, what was done too."""
        ended = asdict(ending(error, publishes=self.publishes))
        if self.done is not None:
            return self.done.as_dict() | ended
        return {
            **ended,
            **self.about,
            "total_seconds": round(time.monotonic() - self.began, 3),
            "attempts": sum(one.doing in ("refresh", "store") for one in self.tries),
            "tries": [asdict(one) for one in self.tries],
            "version": 1,
        }


@contextmanager
def recorded(file: Path | None, observer: Observer, *, publishes: bool = True, **about: object) -> Iterator[Record]:
    """Keep a record of a run; where it fails, its report is written all the same, and it fails as it would without.

    Args:
        file: where to, None for nowhere.
        observer: is warned if that cannot be written.
        publishes: whether the run has a target, whose state a failure tells.
        about: what the run is of.
    """
    record = Record(about, publishes, file)
    try:
        yield record
    except BaseException as error:
        if file is not None:
            _write(file, record.failed(error), observer)
        raise


def _write(file: Path, document: dict[str, object], observer: Observer) -> None:
    try:
        with suppress(Interrupted):
            reporting.write(file, document, state=UNTOUCHED)
    except PublishedButUnfinished as trouble:
        observer.warn(trouble.what)


def ending(error: BaseException, *, publishes: bool) -> Ending:
    """How a run that was ended by this is told of.

    Args:
        error: what ended it.
        publishes: whether it has a target, whose state a failure tells.
    """
    broken_off = UNTOUCHED if publishes else UNFINISHED
    if isinstance(error, Interrupted):
        what = f"It was ended by {signal.Signals(error.number).name}."
        state, hint = error.state or broken_off, error.hint or "run it again"
        return Ending("failed", 128 + error.number, what, state, hint)
    if isinstance(error, BrokenPipeError):
        what = "It was ended, since nobody was there to read its output."
        return Ending("failed", 128 + signal.SIGPIPE, what, broken_off, None)
    failure = error if isinstance(error, Failure) else own_fault(error)
    state = UNCHANGED if failure.state == UNTOUCHED and not publishes else failure.state
    status = "unfinished" if 30 <= failure.exit_code < 40 else "failed"
    return Ending(status, failure.exit_code, failure.what, state, failure.hint)


def shown(target: str) -> str:
    """A target's name; a database that was given by its URL is not for others."""
    return "a database given by its URL" if any(mark in target for mark in ("://", "=", "@")) else target
