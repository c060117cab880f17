"""The record of a runbook: who confirmed what and when, as one JSON object a line."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, get_args

from dmrefresh.errors import Failure, UsageFailure
from dmrefresh.machine import signals
from dmrefresh.runbooks.runbook import Runbook, Step

Decision = Literal["begun", "resumed", "done", "skipped", "noted", "stopped", "interrupted"]
_DECIDED = ("done", "skipped")
_ANOTHER = "name another file with --record"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line.

    Attributes:
        at: when, in UTC (`2026-11-26T02:10:00Z`).
        by: who.
        runbook: its name.
        step, title: which step it is about; None where it is about none.
        decision: what was decided, or happened.
        note: a reason, or what somebody wanted to have written down.
    """

    at: str
    by: str
    runbook: str
    step: int | None
    title: str | None
    decision: Decision
    note: str | None = None
    version: int = 1


class Record:
    """A file that entries are added to; it may be added to by somebody else at the same time.

    Args:
        file: where it is, or is to be.
        book: what it is a record of.

    Raises:
        UsageFailure: the file cannot be read, or is something else.
    """

    def __init__(self, file: Path, book: Runbook) -> None:
        self.file = file
        self.book = book
        self.broken: list[int] = []
        """Lines that are not whole, as a machine that lost its power leaves them; they count for nothing."""
        self.begun = bool(self.entries())
        if self.broken and not self.begun:
            raise self._something_else()

    def prepare(self) -> None:
        """Make the file if it is not there, and see that it can be written.

        Raises:
            UsageFailure: it cannot.
        """
        try:
            _append(self.file, b"")
        except OSError as error:
            raise UsageFailure(f"The record {self.file} cannot be written: {error.strerror}.", hint=_ANOTHER) from None

    def entries(self) -> list[Entry]:
        """What is in the file now; nothing where there is none yet.

        Raises:
            UsageFailure: it cannot be read, or is a record of something else.
        """
        self.broken, found = [], []
        try:
            lines = self.file.read_bytes().splitlines() if self.file.exists() else []
        except OSError as error:
            raise UsageFailure(f"The record {self.file} cannot be read: {error.strerror}.", hint=_ANOTHER) from None
        for number, line in enumerate(lines, 1):
            entry = _entry(line)
            if entry is None:
                self.broken += [number] if line.strip() else []
            elif entry.runbook != self.book.name:
                raise self._something_else()
            else:
                found.append(entry)
        return found

    def decided(self) -> dict[int, Entry]:
        """The last decision about each step that is done or skipped; a step is known again by its title."""
        last = {entry.title: entry for entry in self.entries() if entry.decision in _DECIDED}
        return {step.number: last[step.title] for step in self.book.steps if step.title in last}

    def add(self, by: str, decision: Decision, step: Step | None = None, note: str | None = None) -> None:
        """Add a line; it is on the disk when this returns, and whole whatever comes.

        Raises:
            Failure: it cannot be written.
        """
        at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        number, title = (step.number, step.title) if step is not None else (None, None)
        entry = Entry(at, by, self.book.name, number, title, decision, note)
        line = json.dumps(asdict(entry), ensure_ascii=False).encode(errors="replace") + b"\n"
        try:
            with signals.held():
                _append(self.file, line)
        except OSError as error:
            raise Failure(
                f"The record {self.file} cannot be written: {error.strerror}.",
                state="What was decided last is not in the record.",
                hint="write it down by hand, and go on with a copy of the record in another place: --record FILE",
            ) from None

    def _something_else(self) -> UsageFailure:
        return UsageFailure(f"{self.file} is no record of {self.book.name}.", hint="give --record another file")


def _append(file: Path, line: bytes) -> None:
    descriptor = os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        end = os.lseek(descriptor, 0, os.SEEK_END)
        if line and end and os.pread(descriptor, 1, end - 1) != b"\n":
            line = b"\n" + line  # what was cut off before stays on a line of its own
        while line:
            line = line[os.write(descriptor, line) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _entry(line: bytes) -> Entry | None:
    """A line as an entry; None if it is none."""
    try:
        read = json.loads(line)
        entry = Entry(**{name: read.get(name) for name in Entry.__dataclass_fields__})
    except (ValueError, AttributeError, RecursionError):
        return None
    texts = (entry.at, entry.by, entry.runbook)
    whole = all(isinstance(text, str) for text in texts) and entry.decision in get_args(Decision)
    return entry if whole and isinstance(entry.title, str | None) else None
