"""Where a refresh takes its rows from, and what one attempt at it finds out on its way.

Whatever it is, it is fetched into a nameless file and proved whole before any of it is believed; then it is read again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from dmrefresh.bucket.store import DumpRef, Store
from dmrefresh.dump.events import End, Event, Head
from dmrefresh.dump.mark import Mark
from dmrefresh.keys.private import Keyring
from dmrefresh.observer import Observer
from dmrefresh.stopwatch import Stopwatch
from sanitisers import Known, Sanitiser

READ_FIRST = "the whole dump is read and sanitised once before the target sees a byte (verify_first)"


@dataclass(slots=True)
class Attempt:
    """What one attempt found out on its way.

    Attributes:
        number: from 1 on.
        known: what was found out about the tables of the target.
        remote: what comes of it may leave this machine.
        stopwatch: seconds by stage.
        sanitiser: what counts the values replaced; None where that was done before.
        mark: of a cleaned dump.
        end: the dump's End, once it was reached.
    """

    number: int
    known: Known | None = None
    remote: bool = True
    stopwatch: Stopwatch = field(default_factory=Stopwatch)
    sanitiser: Sanitiser | None = None
    mark: Mark | None = None
    end: End | None = None
    _warned: set[str] = field(default_factory=set)

    def noting(self, events: Iterable[Event]) -> Iterator[Event]:
        """The events, noting the End."""
        for event in events:
            if isinstance(event, End):
                self.end = event
            yield event

    def warn(self, observer: Observer, warning: str) -> None:
        """Warn once: a dump that is read twice would say it twice."""
        if warning not in self._warned:
            self._warned.add(warning)
            observer.warn(warning)

    @property
    def fingerprint(self) -> str:
        """Of the ruleset, the pools and the key that the rows were sanitised with."""
        if self.mark is not None:
            return self.mark.ruleset
        assert self.sanitiser is not None, "the Head comes first"
        return self.sanitiser.fingerprint


@dataclass(frozen=True, slots=True)
class Opened:
    """A dump that is whole: what is to be published, once; and the private key's keyring, where it was needed."""

    events: Iterator[Event]
    keyring: Keyring | None = None


class Source(Protocol):
    """A dump in a bucket, and how to get rows that may be published out of it. READS is what `head` reads."""

    READS: ClassVar[str]

    @property
    def store(self) -> Store:
        """The bucket."""

    @property
    def dump(self) -> DumpRef:
        """The dump in it."""

    def opened(
        self, this: Attempt, observer: Observer, *, verify_first: bool
    ) -> contextlib.AbstractContextManager[Opened]:
        """Fetch the dump and prove it whole.

        Args:
            this: the attempt, which notes what is found.
            observer: is told about steps.
            verify_first: read everything that would be published once, and do nothing with it.

        Raises:
            Failure: it cannot be fetched, or is not whole, or would be refused.
        """

    def head(self) -> Head:
        """Everything before the first row; the download ends there.

        Raises:
            Failure: it cannot be read.
        """

    def check_head(self, head: Head, observer: Observer) -> None:
        """Hold what is before the first row against the ruleset.

        Raises:
            NotSanitised: something is not covered, or the definitions hold what looks personal.
        """
