"""What a person sees where lines are wanted: plain ones with the time, without colour or cursor tricks."""

from __future__ import annotations

import contextlib
import shutil
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TextIO

from dmrefresh.console import closing
from dmrefresh.console.closing import Closing
from dmrefresh.console.pace import Meter
from dmrefresh.console.text import about, counts, harmless
from dmrefresh.console.text import printable as printable
from dmrefresh.console.voice import Figures, Voice
from dmrefresh.console.writing import write
from dmrefresh.errors import Failure, FaultElsewhere
from dmrefresh.report.model import BackupReport, Checked, Filtered, Report
from dmrefresh.stopwatch import Stopwatch

_EVERY = 10.0
"""Seconds between two lines about progress."""
_LOOK = 0.5
"""Seconds between two looks at whether one is due."""

_STEPS = {
    "begun": "the publishing transaction is open; readers go on reading the old data",
    "loaded": "every row is loaded; checking",
    "checked": "every check holds; committing",
    "committed": "published",
    "cleaned": "the cleaned dump is made and signed; storing it",
    "stored": "it is stored under its dated name",
    "backup stored": "it is stored",
}
ROLLBACK_STEPS = {
    "begun": "the transaction is open; readers go on reading what is current",
    "checked": "the kept data is in its place; committing",
    "committed": "committed",
}


def described(checked: Checked) -> str:
    """What check-dump found, as lines for standard output."""
    contents = checked.contents
    if contents is None:
        return f"{checked.name}: the private key opens it"
    lines = [
        f"{checked.name}: whole, read to its end marker",
        f"PostgreSQL {contents.server_version}, written by pg_dump {contents.dump_version} in {contents.encoding}",
        f"{len(contents.tables):,} tables, {contents.rows:,} rows, {contents.bytes:,} bytes of SQL",
    ]
    if contents.said is not None:
        lines.append("every table has as many rows as its backup counted")
    if contents.left_out:
        lines.append(f"left out by a refresh: {counts(contents.left_out)}")
    if checked.recorded is not None:
        lines.append(f"noted in the bucket: {checked.recorded}")
    lines += ["", *(f"{count:>14,}  {name}" for name, count in sorted(contents.tables.items()))]
    return "\n".join(printable(line) for line in lines)


def width() -> int:
    """Characters that fit on a line of the terminal; 100 where the output goes elsewhere."""
    return shutil.get_terminal_size((100, 24)).columns if sys.stdout.isatty() else 100


class Lines(Voice):
    """Writes one line an event, at most one in ten seconds about progress.

    Args:
        stream: where to; standard error if None, and nowhere if there is none.
        steps: what is said at each step; as of a refresh if None.
        progress: whether anything is said about progress.
    """

    def __init__(
        self, stream: TextIO | None = None, steps: Mapping[str, str] | None = None, *, progress: bool = True
    ) -> None:
        self.steps = _STEPS if steps is None else steps
        self.stream = sys.stderr if stream is None else stream
        self._shows_progress = progress
        self._last = time.monotonic()
        self._meter: Meter | None = None
        self._table: tuple[str, int] | None = None
        self._one_at_a_time = threading.RLock()
        self._over = threading.Event()

    def line(self, text: str, *, at_leisure: bool = False) -> None:
        """Write a line with the time of day in front; one at leisure only where nobody has to be waited for."""
        self._print(f"{datetime.now():%H:%M:%S}  {harmless(text)}", at_leisure=at_leisure)

    def _print(self, text: str, *, at_leisure: bool = False) -> None:
        """Nobody listening any more, or a full disk under a log, is no reason to end a refresh."""
        if self.stream is not None:
            with contextlib.suppress(OSError, ValueError):
                write(self.stream, f"{text}\n", at_leisure=at_leisure)

    def note(self, message: str) -> None:
        """A step began or ended."""
        self.line(message)

    def warn(self, message: str) -> None:
        """Something to look at."""
        self.line(f"warning: {message}")

    def watch(self, stopwatch: Stopwatch, size: int | None) -> None:
        """An attempt begins: from now on progress is told, also while nothing else is."""
        if not self._shows_progress:
            return
        first = self._meter is None
        self._meter, self._table = Meter(stopwatch, size), None
        if first:
            threading.Thread(target=self._tick, name="dmrefresh-progress", daemon=True).start()

    def _tick(self) -> None:
        while not self._over.wait(_LOOK):
            meter = self._meter
            if meter is not None and not meter.stopwatch.idle:
                with contextlib.suppress(Exception):
                    meter.look()
                self._progress()

    def progress(self, table: str, rows: int) -> None:
        """Rows given to the server, now and then."""
        self._table = (table, rows)
        self._progress()

    def _progress(self) -> None:
        """Say how far it is, unless that was said a moment ago; who loads hears of no fault in that."""
        with self._one_at_a_time, contextlib.suppress(Exception):
            if not self._shows_progress or time.monotonic() - self._last < _EVERY:
                return
            self._last = time.monotonic()
            said = ", ".join(self._how_far())
            if said:
                self.line(said, at_leisure=True)

    def _how_far(self) -> list[str]:
        """Share, rows, speed, what is waited for, and the time left, as far as they are known."""
        table = [f"{self._table[0]}: {self._table[1]:,} rows so far"] if self._table is not None else []
        if self._meter is None:
            return table
        pace = self._meter.read()
        return [
            *([f"{pace.share:.0%} {'loaded' if pace.loading else 'fetched'}"] if pace.share is not None else []),
            *table,
            *([f"{pace.rate / 1e6:.1f} MB/s"] if pace.rate else []),
            *([f"waiting for {pace.waits_for}"] if pace.waits_for else []),
            *([f"about {about(pace.left)} left"] if pace.left is not None else []),
        ]

    def step(self, name: str) -> None:
        """A step of publishing."""
        if name == "loaded" and self._meter is not None:
            self._meter.all_loaded()
            self._table = None
        if name in self.steps:
            self.line(self.steps[name])

    def summary(self, report: Report, page: Path | None = None) -> None:
        """The closing lines of a refresh that went well."""
        self._closing(closing.of_refresh(report, page))

    def backed_up(self, report: BackupReport, page: Path | None = None) -> None:
        """The closing lines of a backup that is stored."""
        self._closing(closing.of_backup(report, page))

    def _closing(self, end: Closing) -> None:
        self._over.set()
        self.line(end.headline)
        for warning in end.warnings:
            self.warn(warning)
        for name, fact in end.facts:
            self.line(f"{name}: {fact}")
        self.line(f"seconds by stage: {end.seconds_by_stage}" + (f"; the slowest is {end.slowest}" * bool(end.slowest)))
        self._say_next(end.next)

    def done(self, what: str, next: str | None = None, figures: Figures | None = None) -> None:
        """The closing line of anything else."""
        self._over.set()
        self.line(what)
        if next is not None:
            self._say_next(next)

    def _say_next(self, command: str) -> None:
        self.line(f"next: {command}")

    def filtered(self, done: Filtered) -> None:
        """The closing line of a filter that went through."""
        if done.rows_in:
            self.line(f"{done.rows_in:,} rows read, {done.rows_out:,} written, {done.replaced:,} values replaced")
        if done.left_out:
            self.line("left out: " + counts(done.left_out))

    def failed(self, failure: Failure) -> None:
        """What happened, what state the target is in, what to do next."""
        self._over.set()
        self.line(f"error: {failure.what}")
        self._print(f"\n{harmless(failure.state)}")
        self._print(f"hint: {harmless(failure.advice)}")

    def ended(self, signal: str, state: str, exit_code: int, hint: str | None = None) -> None:
        """A signal ended the run."""
        self._over.set()
        self.line(f"ended by {signal}; {state}")
        if hint is not None:
            self._print(f"hint: {harmless(hint)}")

    def trace(self, error: BaseException) -> None:
        """Where it happened, without the texts of exceptions, which may quote what they stumbled over."""
        for frame in traceback.extract_tb(error.__traceback__):
            self._print(f"  {frame.filename}:{frame.lineno} {frame.name}")
        for line in error.frames if isinstance(error, FaultElsewhere) else ():
            self._print(f"  in another process: {line}")
        self._print(f"  {type(error).__module__}.{type(error).__qualname__}")

    def close(self) -> None:
        """Nothing is said any more about progress."""
        self._over.set()


class Quiet(Lines):
    """Says nothing but warnings, errors, and one line at the end."""

    def __init__(self, stream: TextIO | None = None) -> None:
        super().__init__(stream, progress=False)

    def note(self, message: str) -> None:
        """Nobody wants to know."""

    def step(self, name: str) -> None:
        """Nobody wants to know."""

    def _closing(self, end: Closing) -> None:
        for warning in end.warnings:
            self.warn(warning)
        self.line(end.headline)

    def _say_next(self, command: str) -> None:
        """The last line has been said."""
