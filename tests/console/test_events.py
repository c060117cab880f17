"""What a machine reads: each line is of the published form, and its reader can do no harm."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from dmrefresh.console.events import Events, schema
from tests.jobs.scene import DMREFRESH, Ended, Scene
from tests.jobs.small import bodies

FORM = jsonschema.Draft202012Validator(json.loads(schema()))


def events(output: str) -> list[dict[str, Any]]:
    """All lines, each held against the form; so there is nothing else in the output."""
    said = [json.loads(line) for line in output.splitlines()]
    for one in said:
        FORM.validate(one)
        assert not any(isinstance(value, dict | list) for value in one.values()), one
    assert said[0]["event"] == "version"
    assert [one["event"] for one in said].count("version") == 1
    assert said[-1]["event"] in ("summary", "error")
    assert sum(one["event"] in ("summary", "error") for one in said) == 1
    return said


def test_the_form_is_a_schema_and_refuses_what_is_not_flat() -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads(schema()))
    good = {"event": "table", "at": "2026-11-24T02:44:00.123Z", "table": "users", "rows": 3}
    FORM.validate(good | {"new": "field"})
    for bad in ({"rows": -1}, {"more": {"nested": 1}}, {"event": "unknown"}, {"at": "now"}):
        with pytest.raises(jsonschema.ValidationError):
            FORM.validate(good | bad)


def test_a_refresh_tells_its_attempts_tables_stages_and_a_summary_last(scene: Scene) -> None:
    ended = scene.refresh("--json")
    assert ended.code == 0, ended.output
    said = events(ended.output)
    names = [one["event"] for one in said]
    assert {"note", "attempt", "step", "table", "stage"} <= set(names)
    assert {"event": "table", "table": "note", "rows": 2000}.items() <= said[names.index("table")].items()
    summary, report = said[-1], ended.report
    assert (summary["rows"], summary["dump"], summary["run"]) == (2000, report["dump"]["name"], report["run"])
    assert summary["columns_sanitised"] == 1
    assert summary["next"] == "dmrefresh status --target local"
    assert summary["slowest"] == max(report["stages"], key=report["stages"].__getitem__)
    assert {one["stage"]: one["seconds"] for one in said if "seconds" in one and "stage" in one} == report["stages"]
    steps = [one["step"] for one in said if one["event"] == "step"]
    assert [name for name in steps if name in ("begun", "loaded", "committed")] == ["begun", "loaded", "committed"]


def test_a_table_that_is_read_twice_is_told_once(scene: Scene) -> None:
    scene.more = "verify_first = true"
    ended = scene.refresh("--json")
    assert ended.code == 0, ended.output
    said = events(ended.output)
    assert [(one["table"], one["rows"]) for one in said if one["event"] == "table"] == [("note", 2000)]


def test_what_is_published_stays_done_where_it_cannot_be_shown(scene: Scene) -> None:
    code = (
        "from dmrefresh import cli\n"
        "from dmrefresh.console import closing\n"
        "def broken(*a, **k): raise KeyError('jo@example.org')\n"
        "closing.of_refresh = broken\n"
        "cli.main()"
    )
    argv = [sys.executable, "-c", code, "--config", str(scene.settings()), "clean-and-apply", "--target", "local"]
    for more in ([], ["--json"]):
        done = subprocess.run([*argv, *more], env=scene.environment(), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        warned = "it is done, but how cannot be shown whole (KeyError)"
        assert warned in (done.stdout if more else done.stderr)
        assert "jo@" not in done.stdout + done.stderr
    last = events(done.stdout)[-1]
    assert (last["event"], last["status"], last["exit_code"]) == ("summary", "succeeded", 0)
    assert bodies(scene) == {"canary"}


def test_who_was_told_of_no_end_tells_of_no_success() -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as stream:
        Events("clean-and-apply", stream).close()
    with os.fdopen(reading) as said:
        last = events(said.read())[-1]
    assert (last["event"], last["status"], last["exit_code"]) == ("error", "failed", 1)


def test_what_fails_is_the_last_line_with_its_state_and_what_to_do_next(scene: Scene) -> None:
    Path(scene.ruleset).write_text(Path(scene.ruleset).read_text().replace("      body: keep (as it is)\n", ""))
    ended = scene.refresh("--json")
    assert ended.code == 14, ended.output
    last = events("\n".join(ended.output.splitlines()))[-1]
    assert (last["event"], last["status"], last["exit_code"]) == ("error", "failed", 14)
    assert "body" in last["what"]
    assert last["state"].startswith("The target is as it was")
    assert last["next"]
    assert bodies(scene) == {"old"}


def test_what_is_done_and_fails_afterwards_is_unfinished(scene: Scene) -> None:
    scene.more = 'after = [["false"]]'
    ended = scene.refresh("--json")
    assert ended.code == 30, ended.output
    done, last = events(ended.output)[-2:]
    assert (done["event"], done["rows"]) == ("done", 2000)
    assert (last["status"], last["exit_code"]) == ("unfinished", 30)


def test_a_mistake_on_the_command_line_is_an_event_too(scene: Scene) -> None:
    ended = scene.refresh("--json", "--dump", "x", "--fall-back")
    assert ended.code == 2
    assert [one["event"] for one in events(ended.output)] == ["version", "error"]


def test_nobody_is_asked_where_a_machine_reads(scene: Scene) -> None:
    from tests.jobs.small import tunnelled

    scene.more = tunnelled(scene.folder)
    ended = scene.refresh("--json")
    assert ended.code == 2, ended.output
    assert events(ended.output)[-1]["next"] == "add --confirm local"


def test_check_dump_tells_what_it_found(scene: Scene) -> None:
    ended = scene.check_dump("--json")
    assert ended.code == 0, ended.output
    last = events(ended.output)[-1]
    assert (last["rows"], last["tables"], last["command"]) == (2000, 1, "check-dump")


@contextmanager
def stuffed() -> Iterator[int]:
    """A pipe that has no room, and whose reader never reads."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    for piece in (b"x" * 4096, b"x"):
        try:
            while True:
                os.write(writing, piece)
        except BlockingIOError:
            pass
    os.set_blocking(writing, True)
    yield writing
    os.close(writing)
    os.close(reading)


@contextmanager
def abandoned() -> Iterator[int]:
    """A pipe that nobody reads any more."""
    reading, writing = os.pipe()
    os.close(reading)
    yield writing
    os.close(writing)


@contextmanager
def full() -> Iterator[int]:
    """A disk without room."""
    file = os.open("/dev/full", os.O_WRONLY)
    yield file
    os.close(file)


@pytest.mark.parametrize("reader", [stuffed, abandoned, full], ids=lambda one: str(one.__name__))
def test_a_reader_that_stands_still_or_is_gone_neither_holds_up_a_refresh_nor_ends_it(
    scene: Scene, reader: Any
) -> None:
    argv = [DMREFRESH, "--config", str(scene.settings()), "clean-and-apply", "--target", "local", "--json"]
    with reader() as stdout:
        done = subprocess.run(
            argv, env=scene.environment(), stdout=stdout, stderr=subprocess.PIPE, check=False, timeout=100
        )
    assert (done.returncode, done.stderr) == (0, b"")
    assert bodies(scene) == {"canary"}


def test_without_a_standard_output_no_other_file_is_written_to(scene: Scene) -> None:
    line = f"exec {DMREFRESH} --config {scene.settings()} clean-and-apply --target local --json >&-"
    done = subprocess.run(["sh", "-c", line], env=scene.environment(), stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert bodies(scene) == {"canary"}


def quiet(ended: Ended) -> list[str]:
    return ended.output.splitlines()


def test_quiet_says_warnings_and_one_line(scene: Scene) -> None:
    said = quiet(scene.refresh("--quiet"))
    assert all("  warning: " in line for line in said[:-1]), said
    assert "  local is refreshed: 2,000 rows in 1 table, " in said[-1]


def test_quiet_says_an_error_whole(scene: Scene) -> None:
    ended = scene.refresh("--quiet", "--dump", "nothing.sql.gz.gpg")
    assert ended.code == 10, ended.output
    assert "  error: " in ended.output
    assert "The target is as it was" in ended.output
