"""How a check is made: it says something, raises a Failure, or needs what is not there; and it always ends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar

from dmrefresh.errors import DeadlinePassed, Failure
from dmrefresh.jobs.doctor.finding import Finding
from dmrefresh.machine import process, signals

T = TypeVar("T")

SECONDS = 60.0
"""How long a check may take; it asks servers, and none of them is worth more of anybody's time."""


class Needs(Exception):
    """A check cannot be made: what it says is missing, a right or what another check has found wanting."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a check that did not fail has to say; with something to mend, it is a warning."""

    detail: str
    next: str | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """One check.

    Attributes:
        name: what it is called in the text, the JSON and docs/how-to/doctor.md.
        look: says what it finds; raises a Failure where that would stop a job, `Needs` where it cannot look.
        seconds: after so many it is broken off.
    """

    name: str
    look: Callable[[], Said]
    seconds: float = SECONDS


def raising(failure: Failure | Needs) -> Callable[[], Said]:
    """The look of a check that is known to come to nothing."""

    def look() -> Said:
        raise failure

    return look


class Once(Generic[T]):
    """What several checks need and one of them finds out: whoever asks first is told what is wrong with it.

    Args:
        what: it is, for the checks that come later and have to do without.
        find: finds it out.
    """

    def __init__(self, what: str, find: Callable[[], T]) -> None:
        self._what = what
        self._find = find
        self._found: list[T] = []
        self._asked = False

    def __call__(self) -> T:
        """It; or the Failure in finding it out, the first time, and `Needs` from then on."""
        if not self._asked:
            self._asked = True
            try:
                self._found.append(self._find())
            except Needs as needs:  # what is missing further back is what helps whoever reads it
                self._what = str(needs)
                raise
        if not self._found:
            raise Needs(self._what)
        return self._found[0]


def made(check: Check, on_fault: Callable[[Exception], None] = lambda error: None) -> Finding:
    """Make a check, whatever comes of it.

    Args:
        check: which.
        on_fault: is given what no check should raise.
    """
    try:
        with _limited(check.seconds):
            said = check.look()
    except Needs as needs:
        return Finding(check.name, "skip", str(needs))
    except DeadlinePassed as passed:
        detail = f"It did not end within {check.seconds:.0f} seconds."
        step = "is what it asks up, a server, a key service or a tunnel? Then run it again"
        return Finding(check.name, "fail", detail, step, passed.exit_code)
    except Failure as failure:
        step = failure.hint or "mend that, then run it again"
        return Finding(check.name, "fail", failure.what, step, failure.exit_code)
    except Exception as error:
        on_fault(error)
        detail = f"The check itself broke ({type(error).__name__})."
        return Finding(check.name, "fail", detail, "run it with --debug and report what that shows", Failure.exit_code)
    finally:
        process.kill_all()
    return Finding(check.name, "warn" if said.next else "pass", said.detail, said.next)


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """End the block after so many seconds, in order; signals mean afterwards what they meant before."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    try:
        with signals.deadline(timedelta(seconds=seconds)):
            yield
    except DeadlinePassed:
        signals.go_on()  # with the next check
        raise
