"""When a job begins again from a clean start: what may heal, a bounded number of times, and never past its deadline."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self, TypeVar

import stamina

from dmrefresh.errors import DeadlinePassed, DumpDamaged, Failure, own_fault
from dmrefresh.machine.signals import Interrupted
from dmrefresh.observer import Observer
from dmrefresh.report.model import Doing, Try
from dmrefresh.settings.model import Job

T = TypeVar("T")

_LONGER = 4
"""Each further wait is so many times as long as the one before it."""
_LONGEST = 300.0
"""Seconds that a wait grows to."""
_JITTER = 0.25
"""How much longer or shorter a wait may be, as a share of it, so that many jobs do not come back at once."""

_NO_TIME = " The deadline leaves no time for another attempt."
_SAME = " It was received twice with the same SHA-256, so the object itself is damaged, and not the way from there."

_DIFFERENT = " It has come with another SHA-256 each time, so it is the way from the bucket that damages it."


@dataclass(slots=True)
class Patience:
    """How often one run begins again, and what came of each attempt.

    Attributes:
        most: attempts at the same thing, in all.
        first_wait: seconds before the second one, about.
        until: when the run is over, by `time.monotonic`; None where it has all the time there is.
        tries: the attempts so far, those that succeeded among them.
    """

    most: int = 3
    first_wait: float = 5.0
    until: float | None = None
    tries: list[Try] = field(default_factory=list)

    @classmethod
    def of(cls, job: Job, tries: list[Try] | None = None, *, endless: bool = False) -> Self:
        """As the settings say, for a run that begins now.

        Args:
            job: the settings.
            tries: is given each attempt.
            endless: the run has no deadline.
        """
        until = None if endless else time.monotonic() + job.deadline.total_seconds()
        return cls(job.attempts, job.first_wait.total_seconds(), until, [] if tries is None else tries)

    def begun(self, doing: Doing) -> int:
        """How many attempts there were at this."""
        return sum(one.doing == doing for one in self.tries)


def attempts(
    attempt: Callable[[int], T],
    observer: Observer,
    patience: Patience,
    *,
    doing: Doing,
    dump: Callable[[], str | None] = lambda: None,
) -> T:
    """Call `attempt` until it succeeds or fails for good; returns what it returned.

    What is damaged is tried again until it has come twice in the same form, by `DumpDamaged.received`; the object
    itself is damaged then, as far as anybody can tell, and `retry` of what is raised is False.

    Args:
        attempt: is given its number, which goes on from the attempts at the same thing before.
        observer: is told how each has ended, where there is more than one.
        patience: how often, and how long is waited; it keeps what came of each.
        doing: what is attempted.
        dump: asked at the end of each, which dump that was.

    Raises:
        Failure: whatever the last attempt raised.
    """
    loop = _Loop(observer, patience, doing, dump, patience.begun(doing))
    for one in stamina.retry_context(on=loop.wait_after, attempts=patience.most, timeout=None):
        with one:
            result = attempt(loop.begin())
            loop.succeeded()
            return result
    raise AssertionError("the last attempt returns or raises")


@dataclass(slots=True)
class _Loop:
    """One thing that is attempted, and how far that has come."""

    observer: Observer
    patience: Patience
    doing: Doing
    dump: Callable[[], str | None]
    before: int
    this: int = 0
    began: float = 0.0
    received: set[str] = field(default_factory=set)

    @property
    def name(self) -> str:
        """What a line calls the attempt."""
        return f"attempt {self.before + self.this} of {self.before + self.patience.most}"

    def begin(self) -> int:
        """Another one begins; its number."""
        self.this += 1
        self.began = time.monotonic()
        if self.this > 1:
            self.observer.note(f"{self.name}, from a clean start")
        return self.before + self.this

    def succeeded(self) -> None:
        """The attempt is over, and all is well."""
        seconds = self._note(0, None)
        if self.this > 1:
            self.observer.note(f"{self.name} succeeded after {seconds:.1f} s")

    def wait_after(self, error: BaseException) -> float | bool:
        """The attempt has failed: how many seconds to wait for the next, or False where there is none."""
        failure = _failure(error)
        wait = self._wait(error, failure)
        seconds = self._note(failure.exit_code, failure.what)
        if wait is not None:
            self.observer.warn(
                f"{self.name} failed after {seconds:.1f} s: {failure.what} The next begins in {wait:.1f} s."
            )
            return wait
        if self.this > 1:  # a first one that is the last is told by its failure alone
            self.observer.warn(f"{self.name} failed after {seconds:.1f} s: {failure.what} It was the last.")
        return False

    def _wait(self, error: BaseException, failure: Failure) -> float | None:
        if error is not failure or not failure.retry:
            return None
        if isinstance(failure, DumpDamaged) and failure.received is not None:
            if failure.received in self.received:
                failure.what, failure.retry = failure.what + _SAME, False
                return None
            self.received.add(failure.received)
        if self.this >= self.patience.most:
            if isinstance(failure, DumpDamaged):
                self._last_damage(failure)
            return None
        jitter = random.uniform(1 - _JITTER, 1 + _JITTER)
        wait: float = min(self.patience.first_wait * _LONGER ** (self.this - 1), _LONGEST) * jitter
        if self.patience.until is not None and time.monotonic() + wait >= self.patience.until:
            failure.what += _NO_TIME
            return None
        return wait

    def _last_damage(self, failure: DumpDamaged) -> None:
        """Where it has come differently each time, another dump would fare no better; else this one is given up."""
        if len(self.received) > 1:
            failure.what += _DIFFERENT
        else:
            failure.retry = False

    def _note(self, exit_code: int, what: str | None) -> float:
        """Keep how it ended; returns its seconds."""
        seconds = round(time.monotonic() - self.began, 3)
        number = self.before + self.this
        self.patience.tries.append(Try(number, self.doing, self.dump(), seconds, exit_code, what))
        return seconds


def _failure(error: BaseException) -> Failure:
    """What ended an attempt, as it is told."""
    if isinstance(error, Failure):
        return error
    if not isinstance(error, Interrupted):
        return own_fault(error)
    ended = Failure(f"It was ended by {error}.")
    ended.exit_code = DeadlinePassed.exit_code if error.number == signal.SIGALRM else 128 + error.number
    if error.number == signal.SIGALRM:
        ended.what = "It was ended by the deadline of the run."
    return ended
