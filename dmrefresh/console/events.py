"""What a machine sees (`--json`): one flat JSON object a line on standard output, and nothing on standard error.

The first line is the event `version`, the last one `summary` or `error`; events.schema.json says what may be in each.
Readers ignore events and fields that they do not know; a `version` that they do not know they refuse.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import TextIO

from dmrefresh import __version__
from dmrefresh.console import closing
from dmrefresh.console.closing import Closing
from dmrefresh.console.pace import Meter, Pace
from dmrefresh.console.posting import Posting
from dmrefresh.console.voice import Field, Figures, Voice
from dmrefresh.errors import Failure
from dmrefresh.report.model import BackupReport, Filtered, Report
from dmrefresh.stopwatch import Stopwatch

VERSION = 1
"""Of the form of events; new events and fields do not change it."""
_EVERY = 1.0
"""Seconds between two events about progress."""


def schema() -> str:
    """The JSON Schema of one line."""
    return files("dmrefresh.console").joinpath("events.schema.json").read_text(encoding="utf-8")


class Events(Voice):
    """Writes one event a line, and waits for nobody to read it.

    Args:
        command: which command it is.
        stream: where to; standard output if None.
        every: seconds between two events about progress.
    """

    asks = False

    def __init__(self, command: str, stream: TextIO | None = None, *, every: float = _EVERY) -> None:
        self._command, self._every = command, every
        self._posting = Posting(sys.stdout if stream is None else stream)
        self._meter: Meter | None = None
        self._table: tuple[str, int] | None = None
        self._end: Figures | None = None
        self._ended = False
        self._began = time.monotonic()
        self._over = threading.Event()
        self._say("version", version=VERSION, dmrefresh=__version__, command=command)

    def _say(self, event: str, **fields: Field) -> None:
        self._post(event, fields)

    def _post(self, event: str, fields: Figures, *, at_leisure: bool = False) -> None:
        moment = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = json.dumps({"event": event, "at": moment, **fields})
        self._posting.post(line.encode("ascii") + b"\n", at_leisure=at_leisure)

    def note(self, message: str) -> None:
        """A step began or ended."""
        self._say("note", text=message)

    def warn(self, message: str) -> None:
        """Something to look at."""
        self._say("warning", text=message)

    def step(self, name: str) -> None:
        """A step of publishing."""
        if name == "loaded" and self._meter is not None:
            self._meter.all_loaded()
        self._say("step", step=name)

    def progress(self, table: str, rows: int) -> None:
        """Rows given to the server; told with the next event about progress."""
        self._table = (table, rows)

    def passed(self, table: str, rows: int) -> None:
        """All rows of a table have gone by."""
        self._say("table", table=table, rows=rows)

    def watch(self, stopwatch: Stopwatch, size: int | None) -> None:
        """An attempt begins: from now on there are events about progress."""
        first, self._meter, self._table = self._meter is None, Meter(stopwatch, size), None
        self._say("attempt", dump_bytes=size)
        if first:
            threading.Thread(target=self._tick, name="dmrefresh-progress", daemon=True).start()

    def _tick(self) -> None:
        while not self._over.wait(self._every):
            meter = self._meter
            if meter is not None and not meter.stopwatch.idle:
                self._progress(meter.read())

    def _progress(self, pace: Pace) -> None:
        table, rows = self._table or (None, None)
        fields: Figures = {
            "seconds": round(pace.seconds, 3),
            "share": None if pace.share is None else round(pace.share, 4),
            "loading": pace.loading,
            "bytes_per_second": None if pace.rate is None else round(pace.rate),
            "seconds_left": None if pace.left is None else round(pace.left, 1),
            "waits_for": pace.waits_for,
            "table": table,
            "rows": rows,
        }
        self._post("progress", fields, at_leisure=True)
        for stage in pace.stages:
            fields = {
                "stage": stage.name,
                "bytes": stage.bytes,
                "bytes_per_second": None if stage.rate is None else round(stage.rate),
                "busy": round(stage.busy, 3),
                "share": None if stage.share is None else round(stage.share, 4),
            }
            self._post("stage", fields, at_leisure=True)

    def summary(self, report: Report, page: Path | None = None) -> None:
        """A refresh went well; said at the very end."""
        self._went_well()
        self._ends_with(closing.of_refresh(report, page))

    def backed_up(self, report: BackupReport, page: Path | None = None) -> None:
        """A backup is stored; said at the very end."""
        self._went_well()
        self._ends_with(closing.of_backup(report, page))

    def _went_well(self) -> None:
        """Whatever becomes of the words for it, the last event is a summary."""
        self.done(f"{self._command} is done")

    def filtered(self, done: Filtered) -> None:
        """A filter has no events: its output is the dump."""

    def _ends_with(self, end: Closing) -> None:
        self._over.set()
        for warning in end.warnings:
            self.warn(warning)
        for name, seconds in end.stages:
            self._say("stage", stage=name, seconds=round(seconds, 3))
        self.done(end.headline, end.next, end.figures)

    def done(self, what: str, next: str | None = None, figures: Figures | None = None) -> None:
        """What was done; said as the last event, unless something fails after all."""
        self._end = {"what": what, "next": next, **(figures or {})}

    def failed(self, failure: Failure) -> None:
        """What happened, what state the target is in, what to do next."""
        self._error(failure.exit_code, failure.what, failure.state, failure.advice)

    def ended(self, signal: str, state: str, exit_code: int, hint: str | None = None) -> None:
        """A signal ended the run."""
        self._error(exit_code, f"It was ended by {signal}.", state, hint)

    def _error(self, exit_code: int, what: str, state: str, hint: str | None) -> None:
        self._over.set()
        if self._end is not None:  # it was done all the same
            self._post("done", self._end)
        self._ended = True
        status = "unfinished" if 30 <= exit_code < 40 else "failed"
        self._say(
            "error",
            command=self._command,
            status=status,
            exit_code=exit_code,
            what=what,
            state=state,
            next=hint,
            seconds=self._seconds(),
        )

    def trace(self, error: BaseException) -> None:
        """There is none among events: `--debug` without `--json` shows it."""

    def close(self) -> None:
        """The last event, and a moment for whoever reads slowly."""
        self._over.set()
        if not self._ended and self._end is None:
            self._error(
                1, f"{self._command} has ended, and nothing was told of how.", "What was done is not known.", None
            )
        if not self._ended and self._end is not None:
            self._ended = True
            fields: Figures = {
                "command": self._command,
                "status": "succeeded",
                "exit_code": 0,
                "seconds": self._seconds(),
            }
            self._post("summary", {**fields, **self._end})
        self._posting.close()

    def _seconds(self) -> float:
        return round(time.monotonic() - self._began, 3)
