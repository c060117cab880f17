"""GitHub Actions: an error as an annotation of the run, and how it ended on the page of its summary."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from dmrefresh.console import closing
from dmrefresh.console.closing import Closing
from dmrefresh.console.text import harmless
from dmrefresh.console.voice import Figures, Voice
from dmrefresh.console.writing import write
from dmrefresh.errors import Failure
from dmrefresh.report.model import BackupReport, Report

_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~&])")


class Actions(Voice):
    """Tells GitHub how a run ended, and nothing before.

    Args:
        command: which command it is.
        environ: the environment, for GITHUB_STEP_SUMMARY, the file of the summary.
        stream: where annotations go; None for nowhere.
    """

    def __init__(self, command: str, environ: Mapping[str, str], stream: TextIO | None = None) -> None:
        self._command, self._stream = command, stream
        self._page = environ.get("GITHUB_STEP_SUMMARY") or None

    def summary(self, report: Report, page: Path | None = None) -> None:
        """A refresh went well."""
        self._closing(closing.of_refresh(report, page))

    def backed_up(self, report: BackupReport, page: Path | None = None) -> None:
        """A backup is stored."""
        self._closing(closing.of_backup(report, page))

    def done(self, what: str, next: str | None = None, figures: Figures | None = None) -> None:
        """Anything else went well."""
        self._write(f"### {_plain(what)}", *([f"Next: {_code(next)}"] if next else []))

    def failed(self, failure: Failure) -> None:
        """What happened, what state the target is in, what to do next."""
        self._error(failure.exit_code, failure.what, failure.state, failure.advice)

    def ended(self, signal: str, state: str, exit_code: int, hint: str | None = None) -> None:
        """A signal ended the run."""
        self._error(exit_code, f"It was ended by {signal}.", state, hint)

    def _closing(self, end: Closing) -> None:
        facts = [f"| {_plain(name)} | {_plain(fact)} |" for name, fact in end.facts]
        seconds = f"| seconds by stage | {_plain(end.seconds_by_stage)}; the slowest is **{_plain(end.slowest)}** |"
        table = "\n".join(["| | |", "| --- | --- |", *facts, *([seconds] if end.slowest else [])])
        warnings = [f"> ⚠️ {_plain(warning)}" for warning in end.warnings]
        self._write(f"### ✅ {_plain(end.headline)}", *warnings, table, f"Next: {_code(end.next)}")

    def _error(self, exit_code: int, what: str, state: str, hint: str | None) -> None:
        self._write(
            f"### ❌ {self._command} ended with {exit_code}",
            *(_plain(part) for part in (what, state) if part),
            *([f"Next: {_plain(hint)}"] if hint else []),
        )
        text = "\n".join(part for part in (what, state, f"hint: {hint}" if hint else None) if part)
        title = _escaped(f"{self._command}: exit {exit_code}").replace(":", "%3A").replace(",", "%2C")
        if self._stream is not None:
            with contextlib.suppress(OSError, ValueError):
                write(self._stream, f"::error title={title}::{_escaped(harmless(text))}\n")

    def _write(self, *paragraphs: str) -> None:
        """Add to the summary; a page that cannot be written changes nothing about the run."""
        if self._page is not None:
            said = "\n\n".join(paragraphs) + "\n\n"
            # The path of a report may have bytes that are no text: they are shown by their number.
            text = said.encode("utf-8", "backslashreplace")
            with contextlib.suppress(OSError, ValueError), Path(self._page).open("ab") as page:
                page.write(text)


def actions(command: str, environ: Mapping[str, str], *, as_json: bool) -> Actions | None:
    """What tells GitHub Actions; None where it is not there. Under `--json` nothing goes to standard error."""
    if environ.get("GITHUB_ACTIONS") != "true":
        return None
    return Actions(command, environ, None if as_json else sys.stderr)


def _escaped(text: str) -> str:
    """As a workflow command has it, in one line."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _plain(text: str) -> str:
    """Text that Markdown shows as it is, in one line of a table."""
    return _MARKUP.sub(r"\\\1", harmless(text).replace("\n", " "))


def _code(command: str) -> str:
    return f"`{harmless(command).replace('`', ' ').replace(chr(10), ' ')}`"
