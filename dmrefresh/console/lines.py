"""What a person sees: plain lines with the time, on standard error, without colour or cursor tricks."""

from __future__ import annotations

import contextlib
import re
import shutil
import sys
import time
import traceback
from collections.abc import Mapping
from datetime import datetime
from typing import TextIO

from dmrefresh.errors import Failure
from dmrefresh.observer import Observer
from dmrefresh.report.model import BackupReport, Checked, Filtered, Report

_EVERY = 10.0
"""Seconds between two lines about the same table."""

_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")
"""What a name out of a dump must not do to a terminal; a line feed is left, since some messages have lines."""

_STEPS = {
    "begun": "the publishing transaction is open; readers go on reading the old data",
    "loaded": "every row is loaded; checking",
    "checked": "every check holds; committing",
    "committed": "published",
    "cleaned": "the cleaned dump is made and signed; storing it",
    "stored": "it is stored under its dated name",
    "backup stored": "it is stored",
}
_READ_BACK = {
    "full": "read back from there: the private key opens it, it is whole, and every table has the rows that were sent",
    "quick": "the private key opens it; nobody has read it to its end, and no note beside it says that it is whole",
    "no": "it was not read back: whether it can be restored is not known",
}
ROLLBACK_STEPS = {
    "begun": "the transaction is open; readers go on reading what is current",
    "checked": "the kept data is in its place; committing",
    "committed": "committed",
}


def counts(by_kind: Mapping[str, int]) -> str:
    """How many of each kind, the most frequent first: `12 GRANT, 3 DROP`."""
    return ", ".join(f"{count} {kind}" for kind, count in sorted(by_kind.items(), key=lambda one: (-one[1], one[0])))


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


def stored(report: BackupReport) -> str:
    """What a backup has stored, in a line."""
    return (
        f"{report.name} is stored in the bucket {report.bucket}: {report.size / 1e6:,.1f} MB, "
        f"{sum(report.rows.values()):,} rows in {len(report.rows)} tables, {report.total_seconds:.1f} s"
        f"{_in_attempts(report.attempts)}"
    )


def _in_attempts(count: int) -> str:
    return f", in {count} attempts" if count > 1 else ""


def looked_at(report: BackupReport) -> str:
    """How a backup was read back, in a line."""
    return _READ_BACK[report.read_back]


def width() -> int:
    """Characters that fit on a line of the terminal; 100 where the output goes elsewhere."""
    return shutil.get_terminal_size((100, 24)).columns if sys.stdout.isatty() else 100


def printable(line: str) -> str:
    """A line in which nothing can move a cursor, or begin another line."""
    return _CONTROL.sub(_escaped, line.replace("\n", "\\n"))


def _escaped(control: re.Match[str]) -> str:
    return f"\\x{ord(control[0]):02x}"


class Lines(Observer):
    """Writes one line an event, at most one in ten seconds about progress.

    Args:
        stream: where to; standard error if None.
        steps: what is said at each step; as of a refresh if None.
    """

    def __init__(self, stream: TextIO | None = None, steps: Mapping[str, str] | None = None) -> None:
        self.steps = _STEPS if steps is None else steps
        self.stream = stream or sys.stderr
        self._last = time.monotonic()

    def line(self, text: str) -> None:
        """Write a line with the time of day in front."""
        self._print(f"{datetime.now():%H:%M:%S}  {_CONTROL.sub(_escaped, text)}")

    def _print(self, text: str) -> None:
        """Nobody listening any more, or a full disk under a log, is no reason to end a refresh."""
        with contextlib.suppress(OSError, ValueError):
            print(text, file=self.stream, flush=True)

    def note(self, message: str) -> None:
        """A step began or ended."""
        self.line(message)

    def warn(self, message: str) -> None:
        """Something to look at."""
        self.line(f"warning: {message}")

    def progress(self, table: str, rows: int) -> None:
        """Rows given to the server, now and then."""
        if time.monotonic() - self._last >= _EVERY:
            self._last = time.monotonic()
            self.line(f"{table}: {rows:,} rows so far")

    def step(self, name: str) -> None:
        """A step of publishing."""
        if name in self.steps:
            self.line(self.steps[name])

    def summary(self, report: Report) -> None:
        """The closing lines of a refresh that went well."""
        replaced = f"{sum(sum(table.replaced.values()) for table in report.tables):,} values replaced"
        if report.cleaned_from is not None:
            replaced = "sanitised when it was cleaned"
        self.line(
            f"{report.target} is refreshed: {report.rows:,} rows in {len(report.tables)} tables, "
            f"{replaced}, {report.total_seconds:.1f} s{_in_attempts(report.attempts)}"
        )
        if report.fell_back is not None:
            self.warn(report.fell_back)
        if report.stored:
            self.line(f"stored as {' and '.join(report.stored)}")
        if report.disconnected_seconds is not None:
            self.line(f"nobody could connect for {report.disconnected_seconds:.1f} s, while the databases were renamed")
        self._busiest(report.stages)
        if report.changed_types:
            names = ", ".join(report.changed_types)
            self.warn(f"these types differ from before; sessions that prepared statements with them reconnect: {names}")

    def backed_up(self, report: BackupReport) -> None:
        """The closing lines of a backup that is stored."""
        self.line(stored(report))
        self.line(looked_at(report))
        self._busiest(report.stages)

    def _busiest(self, stages: Mapping[str, float]) -> None:
        busiest = sorted(stages.items(), key=lambda item: -item[1])
        self.line("seconds by stage: " + ", ".join(f"{name} {value:.1f}" for name, value in busiest if value >= 0.05))

    def filtered(self, done: Filtered) -> None:
        """The closing line of a filter that went through."""
        if done.rows_in:
            self.line(f"{done.rows_in:,} rows read, {done.rows_out:,} written, {done.replaced:,} values replaced")
        if done.left_out:
            self.line("left out: " + counts(done.left_out))

    def failed(self, failure: Failure) -> None:
        """What happened, what state the target is in, what to do next."""
        self.line(f"error: {failure.what}")
        self._print(f"\n{failure.state}")
        if failure.hint:
            self._print(f"hint: {failure.hint}")

    def trace(self, error: BaseException) -> None:
        """Where it happened, without the texts of exceptions, which may quote what they stumbled over."""
        for frame in traceback.extract_tb(error.__traceback__):
            self._print(f"  {frame.filename}:{frame.lineno} {frame.name}")
        self._print(f"  {type(error).__module__}.{type(error).__qualname__}")
