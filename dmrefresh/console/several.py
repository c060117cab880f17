"""Voices that speak together, each to somebody else."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from dmrefresh.console.voice import Figures, Voice
from dmrefresh.errors import Failure
from dmrefresh.report.model import BackupReport, Filtered, Report
from dmrefresh.stopwatch import Stopwatch


class Several(Voice):
    """Tells each of them all, in their order."""

    def __init__(self, *voices: Voice) -> None:
        self.voices = voices
        self.asks = all(voice.asks for voice in voices)

    def note(self, message: str) -> None:
        """See `Observer`, as for all below."""
        for voice in self.voices:
            voice.note(message)

    def warn(self, message: str) -> None:
        """Something to look at."""
        for voice in self.voices:
            voice.warn(message)

    def progress(self, table: str, rows: int) -> None:
        """Rows so far."""
        for voice in self.voices:
            voice.progress(table, rows)

    def passed(self, table: str, rows: int) -> None:
        """All rows of a table."""
        for voice in self.voices:
            voice.passed(table, rows)

    def step(self, name: str) -> None:
        """A step of publishing."""
        for voice in self.voices:
            voice.step(name)

    def watch(self, stopwatch: Stopwatch, size: int | None) -> None:
        """An attempt begins."""
        for voice in self.voices:
            voice.watch(stopwatch, size)

    def summary(self, report: Report, page: Path | None = None) -> None:
        """See `Voice`, as for all below."""
        for voice in self.voices:
            voice.summary(report, page)

    def backed_up(self, report: BackupReport, page: Path | None = None) -> None:
        """A backup is stored."""
        for voice in self.voices:
            voice.backed_up(report, page)

    def done(self, what: str, next: str | None = None, figures: Figures | None = None) -> None:
        """Anything else went well."""
        for voice in self.voices:
            voice.done(what, next, figures)

    def filtered(self, done: Filtered) -> None:
        """A filter went through."""
        for voice in self.voices:
            voice.filtered(done)

    def failed(self, failure: Failure) -> None:
        """It failed."""
        for voice in self.voices:
            voice.failed(failure)

    def ended(self, signal: str, state: str, exit_code: int, hint: str | None = None) -> None:
        """A signal ended it."""
        for voice in self.voices:
            voice.ended(signal, state, exit_code, hint)

    def trace(self, error: BaseException) -> None:
        """Where in the code it happened."""
        for voice in self.voices:
            voice.trace(error)

    @contextlib.contextmanager
    def asking(self) -> Iterator[None]:
        """A question is asked."""
        with contextlib.ExitStack() as stack:
            for voice in self.voices:
                stack.enter_context(voice.asking())
            yield

    def close(self) -> None:
        """The last word."""
        for voice in self.voices:
            voice.close()
