from __future__ import annotations

import contextlib
import io
import re
import sys
import time
from pathlib import Path

import pytest

from dmrefresh.console import lines as module
from dmrefresh.console.lines import Lines
from dmrefresh.console.pace import Meter, Pace
from dmrefresh.errors import ChecksFailed, NotSanitised
from dmrefresh.stopwatch import Stopwatch


def test_each_event_is_one_line_with_the_time_in_front() -> None:
    stream = io.StringIO()
    lines = Lines(stream)
    lines.note("first")
    lines.warn("second")
    lines.step("begun")
    lines.step("a step nobody describes")
    said = stream.getvalue().splitlines()
    assert len(said) == 3
    assert all(re.fullmatch(r"\d\d:\d\d:\d\d  .+", line) for line in said)
    assert said[1].endswith("warning: second")


def test_progress_is_told_at_most_once_in_ten_seconds() -> None:
    stream = io.StringIO()
    lines = Lines(stream)
    for rows in range(1000):
        lines.progress("users", rows)
    assert stream.getvalue() == ""
    lines._last -= 11
    lines.progress("users", 1_234_567)
    lines.progress("users", 1_234_568)
    assert stream.getvalue().split("  ", 1)[1] == "users: 1,234,567 rows so far\n"


def test_a_failure_says_what_happened_what_is_untouched_and_what_to_do() -> None:
    stream = io.StringIO()
    Lines(stream).failed(ChecksFailed("The sequence is behind.", hint="set `checks` right"))
    what, empty, state, hint = stream.getvalue().splitlines()
    assert what.endswith("error: The sequence is behind.")
    assert (empty, hint) == ("", "hint: set `checks` right")
    assert state.startswith("The target is as it was")


def test_a_name_out_of_a_dump_cannot_command_the_terminal() -> None:
    stream = io.StringIO()
    Lines(stream).failed(NotSanitised("table \x1b[2J\r\x07 is not classified:\n  a: keep"))
    assert "table \\x1b[2J\\x0d\\x07 is not classified:\n  a: keep\n" in stream.getvalue()


def test_nobody_listening_any_more_is_no_reason_to_end() -> None:
    full = Path("/dev/full").open("w", encoding="utf-8")  # noqa: SIM115 - closing it fails
    lines = Lines(full)
    lines.note("first")
    lines.failed(ChecksFailed("second"))
    with contextlib.suppress(OSError):
        full.close()
    lines.note("after the end")


def at_work(monkeypatch: pytest.MonkeyPatch, *, idle: bool) -> str:
    """What is said while a stage is at work, or none is, and no row goes by."""
    monkeypatch.setattr(module, "_EVERY", 0.05)
    monkeypatch.setattr(module, "_LOOK", 0.01)
    stream = io.StringIO()
    lines, stopwatch = Lines(stream), Stopwatch()
    for _ in stopwatch.timed("fetch", [b"x" * 25]):
        pass
    lines.watch(stopwatch, 100)
    with contextlib.nullcontext() if idle else stopwatch.measure("verify"):
        for _ in range(500):
            if "fetched" in stream.getvalue():
                break
            time.sleep(0.001 if idle else 0.01)
    lines.close()
    return stream.getvalue()


def test_progress_is_told_also_while_no_row_goes_by_with_its_share_and_what_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = at_work(monkeypatch, idle=False)
    assert re.match(r"\d\d:\d\d:\d\d  25% fetched, .*waiting for verify, about \d+ s left\n", said), said


def test_nothing_is_told_while_no_stage_is_at_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    assert at_work(monkeypatch, idle=True) == ""


def test_where_there_is_no_standard_error_nothing_is_said_on_standard_output(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    Lines().note("first")
    Lines().failed(ChecksFailed("second"))
    assert capfd.readouterr().out == ""


def test_a_fault_in_the_reckoning_never_reaches_who_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_EVERY", 0.0)
    lines, asked = Lines(io.StringIO()), []

    def broken(meter: Meter) -> Pace:
        asked.append(meter)
        raise ZeroDivisionError

    monkeypatch.setattr(Meter, "read", broken)
    lines.watch(Stopwatch(), 100)
    lines.progress("users", 1)
    lines.close()
    assert asked
