"""The report of a run, as JSON: what was done, or what went wrong, and every attempt, however it ends."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from dmrefresh import __version__
from dmrefresh.errors import UNCHANGED, UNFINISHED, UNTOUCHED, Failure, PublishedButUnfinished, own_fault
from dmrefresh.machine.signals import Interrupted
from dmrefresh.observer import Observer
from dmrefresh.report import model as reporting
from dmrefresh.report import runs
from dmrefresh.report.listening import Listening
from dmrefresh.report.model import Try
from dmrefresh.report.timeline import timeline_of


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

    @property
    def standing(self) -> str:
        """What there is now, in a sentence."""

    def as_dict(self) -> dict[str, object]:
        """For JSON."""


Keep = Callable[[Path], None]
"""Puts the files of a run's folder somewhere else as well; raises Failure."""


@dataclass(slots=True)
class Record:
    """What is known of a run so far; `recorded` makes it.

    Attributes:
        about: what it is of, as the report has it: `job`, and `target` or `stage`.
        publishes: whether it has a target, whose state a failure tells.
        file: where the report is written as JSON, beside its folder; None for nowhere.
        observer: what the run is to tell; it is passed on, and what the report needs of it is kept.
        folder: where the report is written as JSON and as a page; None for nowhere.
        newest: how many folders of runs stay beside that one; None for all of them.
        keep: puts what is in the folder somewhere else as well.
        run: the run's name.
        tries: the attempts so far.
        done: what it has done, once it has; set before anybody is shown it, since that may fail.
        page: the report as a page, once it is written.
    """

    about: dict[str, object]
    publishes: bool
    file: Path | None
    observer: Listening
    folder: Path | None = None
    newest: int | None = None
    keep: Keep | None = None
    run: str = field(default_factory=runs.new_identity)
    tries: list[Try] = field(default_factory=list)
    done: Done | None = None
    page: Path | None = None
    began: float = field(default_factory=time.monotonic)
    began_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def finished(self, done: Done) -> None:
        """Write the report of what was done.

        Raises:
            PublishedButUnfinished: it cannot be written to the file that was asked for, or not kept where it was to be.
        """
        self.done = done
        document = (
            self._common() | done.as_dict() | self.about | {"state": done.standing, "warnings": self._warnings(done)}
        )
        if self.file is not None:
            reporting.write(self.file, document, state=done.standing)
        self._write_folder(document)
        try:
            self._keep()
        except Failure as failure:
            raise PublishedButUnfinished(
                f"The report cannot be kept in its bucket. {failure.what}", hint=failure.hint, state=done.standing
            ) from None
        self._sweep()

    @contextmanager
    def once_done(self) -> Iterator[None]:
        """Let no fault of our own in the block tell, once it is known what was done, that nothing was.

        Raises:
            PublishedButUnfinished: in the place of one; of its text nothing is said.
        """
        try:
            yield
        except Failure:
            raise
        except Exception as error:
            if self.done is None:
                raise
            raise PublishedButUnfinished(
                f"Something after it was not done, by a fault of dmrefresh's own ({type(error).__name__}).",
                state=self.done.standing,
            ).with_traceback(error.__traceback__) from None

    def failed(self, error: BaseException) -> dict[str, object]:
        """The report of a run that has ended with this; of one that was done all the same, what was done too."""
        ended = asdict(ending(error, publishes=self.publishes))
        if self.done is not None:
            return self._common() | self.done.as_dict() | self.about | {"warnings": self._warnings(self.done)} | ended
        watched = self.observer.stopwatch
        return {
            **ended,
            **self._common(),
            "total_seconds": round(time.monotonic() - self.began, 3),
            "attempts": sum(one.doing in ("refresh", "store") for one in self.tries),
            "tries": [asdict(one) for one in self.tries],
            "timeline": None if watched is None else asdict(timeline_of(watched)),
            "warnings": list(self.observer.warnings),
            "version": 1,
        }

    def write_failed(self, error: BaseException) -> None:
        """Write the report of a run that has ended with this; what cannot be written is warned of."""
        document = self.failed(error)
        if self.file is not None:
            try:
                reporting.write(self.file, document, state=UNTOUCHED)
            except PublishedButUnfinished as trouble:
                self.observer.warn(trouble.what)
        self._write_folder(document)
        if self.page is not None:
            self.observer.note(f"the report of this run: {self.page}")
        try:
            self._keep()
        except Failure as failure:
            self.observer.warn(f"the report cannot be kept in its bucket: {failure.what}")
        self._sweep()

    def _common(self) -> dict[str, object]:
        return {
            **self.about,
            "run": self.run,
            "began": self.began_at.isoformat(timespec="seconds"),
            "dmrefresh": __version__,
        }

    def _warnings(self, done: Done) -> list[str]:
        """Everything that was warned of; what the run itself says was told as well, unless nobody was listening."""
        told = list(self.observer.warnings)
        own = done.as_dict().get("warnings", [])
        return told + [one for one in (own if isinstance(own, list) else []) if one not in told]

    def _write_folder(self, document: dict[str, object]) -> None:
        """No run fails for want of its page."""
        if self.folder is None:
            return
        try:
            from dmrefresh.report.writing import write_folder

            self.page = write_folder(self.folder, document)
        except OSError as error:
            self.observer.warn(f"the report cannot be written to the folder {self.folder}: {error.strerror}")
        except Exception as error:
            self.observer.warn(
                f"the report's page could not be made ({type(error).__name__}); the run is as it is told"
            )

    def _keep(self) -> None:
        """Put the folder somewhere else as well, if that is wanted; raises Failure."""
        if self.keep is None or self.page is None or self.folder is None:
            return
        try:
            self.keep(self.folder)
        except OSError as error:  # another run may have swept it away
            raise Failure(f"It cannot be read from {self.folder}: {error.strerror}.") from None

    def _sweep(self) -> None:
        """Remove the folders of older runs; after all that reads this one's."""
        if self.folder is not None and self.page is not None and self.newest is not None:
            runs.sweep(self.folder, self.newest)


@contextmanager
def recorded(
    file: Path | None, observer: Observer, *, publishes: bool = True, folder: Path | None = None, **about: object
) -> Iterator[Record]:
    """Keep a record of a run; where it fails, its report is written all the same, and it fails as it would without.

    Args:
        file: where to as JSON, None for nowhere.
        observer: is told what the run tells, and warned if the report cannot be written.
        publishes: whether the run has a target, whose state a failure tells.
        folder: where to with its page; the record's may be set later, when the settings are known.
        about: what the run is of.
    """
    record = Record(about, publishes, file, Listening(observer), folder)
    try:
        with record.once_done():
            yield record
    except BaseException as error:
        with suppress(Interrupted):
            record.write_failed(error)
        raise


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
    return Ending(status, failure.exit_code, failure.what, state, failure.advice)


def shown(target: str) -> str:
    """A target's name; a database that was given by its URL is not for others."""
    return "a database given by its URL" if any(mark in target for mark in ("://", "=", "@")) else target
