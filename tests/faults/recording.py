"""A plugin of pytest: notes for each row of the fault matrix what happened when its tests were run, and how long.

`make faults` runs the tests with it; what it notes goes into docs/explanation/faults.md.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

FILE = Path(__file__).with_name("results.json")
"""What happened in the last run."""

_LONGEST = 3
"""So many different things that happened are told of a row."""


@dataclass
class Result:
    """What came of the tests of a row: how many there were, how many failed or were left out, seconds of all of them,
    and what they say has happened."""

    tests: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    happened: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        if self.failed:
            return f"FAILED ({self.failed} of {self.tests} tests)"
        if self.skipped == self.tests:
            return "left out on this machine"
        more = len(self.happened) - _LONGEST
        said = [*self.happened[:_LONGEST], *([f"and {more} more"] if more > 0 else [])]
        held = f"as it must, in {self.tests} test{'s' if self.tests > 1 else ''}"
        return "; ".join(said) if said else held


@dataclass
class Run:
    """A run of all rows: when, on what, and what came of each."""

    when: str = ""
    machine: str = ""
    rows: dict[str, Result] = field(default_factory=dict)


def last() -> Run:
    """The last run that was noted."""
    if not FILE.exists():
        return Run()
    noted = json.loads(FILE.read_text(encoding="utf-8"))
    return Run(noted["when"], noted["machine"], {id: Result(**one) for id, one in noted["rows"].items()})


class _Recorder:
    def __init__(self) -> None:
        self.rows: dict[str, Result] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Called in the process that has started the others, with what each of them tells."""
        said = list(_said(report.user_properties))
        for id in (value for name, value in said if name == "fault"):
            row = self.rows.setdefault(id, Result())
            row.seconds += report.duration
            row.failed += report.failed
            row.skipped += report.skipped
            row.tests += report.when == "call" or (report.when == "setup" and not report.passed)
            if report.when == "call" and report.passed:
                row.happened += [value for name, value in said if name == "happened" and value not in row.happened]

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write it down, unless the run was broken off."""
        if hasattr(session.config, "workerinput") or session.exitstatus not in (0, 1):
            return
        rows = {
            id: Result(**(asdict(self.rows[id]) | {"seconds": round(self.rows[id].seconds, 1)})) for id in self.rows
        }
        when = datetime.now(UTC).date().isoformat()
        run = Run(when, f"{platform.system()}, Python {platform.python_version()}", dict(sorted(rows.items())))
        FILE.write_text(json.dumps(asdict(run), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _said(properties: list[tuple[str, object]]) -> Iterator[tuple[str, str]]:
    return ((name, str(value)) for name, value in properties)


def pytest_configure(config: pytest.Config) -> None:
    """Listen."""
    config.pluginmanager.register(_Recorder(), "recording of faults")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Tell, wherever the test is run, which rows it proves."""
    for mark in item.iter_markers("fault"):
        item.user_properties.extend(("fault", id) for id in mark.args)


def said(run: Run, id: str) -> tuple[str, str]:
    """What the table says of a row: what happened, and the seconds."""
    row = run.rows.get(id)
    return (str(row), f"{row.seconds:.1f}") if row else ("not run yet", "")
