from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

from dmrefresh.console.lines import Lines
from dmrefresh.errors import ChecksFailed, NotSanitised


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
    Lines(stream).failed(ChecksFailed("The sequence is behind.", hint="set it right"))
    what, empty, state, hint = stream.getvalue().splitlines()
    assert what.endswith("error: The sequence is behind.")
    assert (empty, hint) == ("", "hint: set it right")
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
