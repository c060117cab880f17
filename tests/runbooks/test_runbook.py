"""The runbook is one page in two places, and its record says who decided what, whatever comes in between."""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from dmrefresh.errors import Failure, UsageFailure
from dmrefresh.jobs.runbooks import walking
from dmrefresh.runbooks.confirmations import Record
from dmrefresh.runbooks.runbook import PARTS, parse, runbook
from tests.test_cli import DMREFRESH, dmrefresh

ROOT = Path(__file__).parents[2]
NAME = "restore-production"
SMALL = """# Small

What it is about,
in two lines.

## Before

- One thing
  and more of it.
- Another.

## Steps

### 1. First

**What.** Do it.

**Why.** Because.

**Done when.** It is.

**Way back.** Undo it.

### 2. Second

**What.** Do that,
and `more`.

**Why.** Because.

**Done when.** It is.

**Way back.** None.
"""


def test_the_page_in_the_docs_is_the_one_that_is_shipped() -> None:
    shipped = (ROOT / "dmrefresh" / "runbooks" / f"{NAME}.md").read_text()
    assert (ROOT / "docs" / "how-to" / f"{NAME}.md").read_text() == shipped


def test_a_wheel_holds_the_page(tmp_path: Path) -> None:
    code = f"import uv_build; uv_build.build_wheel({str(tmp_path)!r})"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    with ZipFile(wheel) as archive:
        assert archive.read(f"dmrefresh/runbooks/{NAME}.md").startswith(b"# Restoring production\n")


def test_the_page_has_every_step_in_the_order_of_the_work() -> None:
    titles = [step.title for step in runbook(NAME).steps]
    order = ["deploy token", "Stop writes", "smoke tests", "Log in", "from a snapshot", "Bind", "Release", "status"]
    order += ["stakeholders", "reconciled", "Rename", "Revert the manifest", "recovery", "live", "smoke tests again"]
    assert len(titles) == len(order)
    for title, word in zip(titles, order, strict=True):
        assert word in title


def test_a_page_is_read_into_sections_and_steps() -> None:
    book = parse("small", SMALL)
    assert (book.title, book.before) == (
        "Small",
        [("", ["What it is about, in two lines."]), ("Before", ["- One thing and more of it.", "- Another."])],
    )
    assert [(step.number, step.title) for step in book.steps] == [(1, "First"), (2, "Second")]
    assert book.steps[1].parts == {
        "What": "Do that,\nand `more`.",
        "Why": "Because.",
        "Done when": "It is.",
        "Way back": "None.",
    }


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("\n## Steps\n", "\n## Stops\n"),
        ("### 2. Second", "### 3. Second"),
        ("### 2. Second", "### Second"),
        ("**Why.** Because.\n\n", ""),
        ("**Way back.** Undo it.", "**Way back.** "),
        ("**What.** Do it.\n\n**Why.** Because.", "**Why.** Because.\n\n**What.** Do it."),
        ("## Steps\n", "## Steps\n\nA word before.\n"),
        ("### 1. First\n", "### 1. First\n\nA word between.\n"),
    ],
)
def test_a_page_of_another_form_is_not_half_read(old: str, new: str) -> None:
    assert old in SMALL
    with pytest.raises(ValueError):
        parse("small", SMALL.replace(old, new, 1))


def answering(*answers: str) -> walking.Ask:
    left = list(answers)

    def ask(_: str) -> str:
        if not left:
            raise EOFError
        return left.pop(0)

    return ask


def walk(file: Path, *answers: str, by: str = "anna", first: int | None = None) -> tuple[bool, list[str]]:
    said: list[str] = []
    book = parse("small", SMALL)
    done = walking.walk(book, Record(file, book), by, first, 80, said.append, answering(*answers))
    return done, said


def kept(file: Path) -> list[tuple[Any, ...]]:
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    for line in lines:
        assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", line["at"])
        assert (line["runbook"], line["version"]) == ("small", 1)
    return [(line["by"], line["step"], line["decision"], line["note"]) for line in lines]


def test_each_decision_is_recorded_with_who_made_it(tmp_path: Path) -> None:
    file = tmp_path / "r.jsonl"
    done, said = walk(file, "note it is slow", "done by Zoë B.", "skip (not needed here)")
    assert done
    assert kept(file) == [
        ("anna", None, "begun", None),
        ("anna", 1, "noted", "it is slow"),
        ("Zoë B.", 1, "done", "entered by anna"),
        ("anna", 2, "skipped", "not needed here"),
    ]
    assert "Step 1 of 2: First" in said[0]


@pytest.mark.parametrize("answer", ["done", "DONE", "anna", " Anna "])
def test_done_or_ones_own_name_confirms(tmp_path: Path, answer: str) -> None:
    walk(tmp_path / "r", answer, "stop it is late")
    assert kept(tmp_path / "r")[1:] == [("anna", 1, "done", None), ("anna", 2, "stopped", "it is late")]


@pytest.mark.parametrize(
    "answer",
    ["", "y", "yes", "ok", "dnoe", "done?", "done nothing yet", "not done", "skip", "note", "done by", "anna b"],
)
def test_nothing_else_confirms(tmp_path: Path, answer: str) -> None:
    done, said = walk(tmp_path / "r", answer, "stop")
    assert not done
    assert kept(tmp_path / "r")[1:] == [("anna", 1, "stopped", None)]
    assert said[-1].startswith("nothing is recorded")


def test_it_goes_on_where_it_ended_also_with_somebody_else(tmp_path: Path) -> None:
    file = tmp_path / "r"
    assert walk(file, "done")[0] is False  # and then nobody answered any more
    done, said = walk(file, "done", by="mb")
    assert done
    assert len(said) == 1
    assert [line for line in kept(file) if line[2] == "done"] == [("anna", 1, "done", None), ("mb", 2, "done", None)]
    assert [line[2] for line in kept(file)] == ["begun", "done", "stopped", "resumed", "done"]


def test_what_somebody_else_decides_meanwhile_is_not_asked_again(tmp_path: Path) -> None:
    file, book = tmp_path / "r", parse("small", SMALL)

    def ask(_: str) -> str:
        Record(file, book).add("mb", "done", book.steps[1])
        return "done"

    assert walking.walk(book, Record(file, book), "anna", None, 80, lambda _: None, ask)
    assert [line[:3] for line in kept(file)][1:] == [("mb", 2, "done"), ("anna", 1, "done")]


def test_a_step_that_is_named_is_begun_with_and_those_before_it_stay_open(tmp_path: Path) -> None:
    file = tmp_path / "r"
    assert walk(file, "done", first=2)[0] is False
    assert walk(file, "done")[0] is True
    assert [line[1] for line in kept(file) if line[2] == "done"] == [2, 1]


def test_a_step_that_has_another_number_now_is_known_by_its_title(tmp_path: Path) -> None:
    file = tmp_path / "r"
    walk(file, "done", "stop")
    other = SMALL.replace("First", "New").replace("Second", "First")
    book = parse("small", other)
    assert list(Record(file, book).decided()) == [2]


@pytest.mark.parametrize("rest", [b'{"at": "2026-11-2', b'{"at": "2026-11-26T00:00:00Z", "by": "a', b"\x00\x00"])
def test_a_line_that_was_cut_off_counts_for_nothing_and_spoils_none(tmp_path: Path, rest: bytes) -> None:
    file = tmp_path / "r"
    walk(file, "done", "stop")
    with file.open("ab") as out:
        out.write(rest)
    book = parse("small", SMALL)
    record = Record(file, book)
    assert record.broken == [4]
    assert walk(file, "done")[0]
    record = Record(file, book)
    assert (record.broken, sorted(record.decided())) == ([4], [1, 2])
    assert [entry.decision for entry in record.entries()] == ["begun", "done", "stopped", "resumed", "done"]


@pytest.mark.parametrize(
    "text", ["a letter\n", "[]\n", "{}\n", '{"at": 1, "by": 2, "runbook": 3, "decision": "done"}\n']
)
def test_another_file_is_not_taken_for_a_record_and_not_changed(tmp_path: Path, text: str) -> None:
    file = tmp_path / "letter.txt"
    file.write_text(text)
    with pytest.raises(UsageFailure, match="no record of small"):
        walk(file, "done")
    assert file.read_text() == text


def test_another_runbooks_record_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "r"
    walk(file, "done", "stop")
    with pytest.raises(UsageFailure, match=f"no record of {NAME}"):
        Record(file, runbook(NAME))


def test_a_record_on_a_full_disk_is_told(tmp_path: Path) -> None:
    book = parse("small", SMALL)
    file = tmp_path / "r"
    record = Record(file, book)
    file.symlink_to("/dev/full")
    with pytest.raises(Failure, match="cannot be written") as caught:
        record.add("anna", "done", book.steps[0])
    assert "not in the record" in caught.value.state


# The command, on a terminal and without one


class Terminal:
    """The command on a terminal of its own."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.ours, theirs = os.openpty()
        argv = [DMREFRESH, "runbook", NAME, *arguments]
        self.child = subprocess.Popen(
            argv, cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
        )
        os.close(theirs)
        self.output = ""

    def until(self, text: str) -> None:
        """Read until this is there, after what was there before."""
        start, end = len(self.output), time.monotonic() + 30
        while text not in self.output[start:]:
            assert time.monotonic() < end, self.output
            if not self._read():
                raise AssertionError(self.output)

    def _read(self) -> bool:
        if not select.select([self.ours], [], [], 1)[0]:
            return True
        try:
            block = os.read(self.ours, 65536)
        except OSError:  # nobody has the other end any more
            return False
        self.output += block.decode(errors="replace")
        return bool(block)

    def type(self, line: str) -> None:
        os.write(self.ours, line.encode() + b"\n")

    def end(self) -> int:
        while self._read():
            pass
        return self.child.wait(30)


@contextlib.contextmanager
def terminal(folder: Path, *arguments: str) -> Iterator[Terminal]:
    one = Terminal(folder, *arguments)
    try:
        yield one
    finally:
        one.child.kill()
        one.child.wait()
        os.close(one.ours)


def test_on_a_terminal_it_asks_step_by_step_is_broken_off_and_goes_on(tmp_path: Path) -> None:
    with terminal(tmp_path) as one:
        one.until("Who is at it?")
        one.type("skip")  # would be taken for an answer
        one.until("Who is at it?")
        one.type("anna")
        one.until("1 of 15, anna")
        one.type("done")
        one.until("2 of 15, anna")
        os.kill(one.child.pid, signal.SIGINT)
        assert one.end() == 130
    (file,) = tmp_path.glob("restore-production-*Z.jsonl")
    assert f"To go on: dmrefresh runbook {NAME} --record {file.name}" in one.output
    assert [json.loads(line)["decision"] for line in file.read_text().splitlines()] == ["begun", "done", "interrupted"]
    with terminal(tmp_path, "--record", file.name) as one:
        one.until("Who is at it?")
        one.type("mb")
        one.until("2 of 15, mb")
        for number in range(2, 15):
            one.type("done")
            one.until(f"{number + 1} of 15, mb")
        one.type("done")
        assert one.end() == 0
    assert f"Every step is decided; the record is {file.name}" in one.output
    listed = dmrefresh("runbook", NAME, "--list", "--record", file.name, folder=tmp_path).stdout.splitlines()
    assert re.fullmatch(r" 1  done \S+Z anna  Tell the release channel.*", listed[0])
    assert re.fullmatch(r"15  done \S+Z mb    Enable the smoke tests.*", listed[-1])


def test_what_is_no_text_confirms_nothing_and_ends_nothing(tmp_path: Path) -> None:
    with terminal(tmp_path, "--record", "r") as one:
        one.until("Who is at it?")
        one.type("an\x1b[A")
        one.until("1 of 15, an\\x1b[A")
        os.write(one.ours, b"done\xff\n")
        one.until("nothing is recorded")
        os.write(one.ours, b"stop \xff\n")
        assert one.end() == 0
    last = json.loads((tmp_path / "r").read_text().splitlines()[-1])
    assert (last["by"], last["decision"], last["note"]) == ("an\\x1b[A", "stopped", "\ufffd")


def test_the_end_of_input_stops_it_and_confirms_nothing(tmp_path: Path) -> None:
    with terminal(tmp_path, "--record", "r") as one:
        one.until("Who is at it?")
        one.type("anna")
        one.until("1 of 15")
        os.write(one.ours, b"\x04")
        assert one.end() == 0
    assert [json.loads(line)["decision"] for line in (tmp_path / "r").read_text().splitlines()] == ["begun", "stopped"]


def test_without_a_terminal_it_is_printed_and_asks_nothing(tmp_path: Path) -> None:
    done = dmrefresh("runbook", NAME, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Restoring production\n")
    assert all(f"\n\nStep {number} of 15: " in done.stdout for number in range(1, 16))
    assert done.stdout.count("\n  Way back ") == 15
    assert len(PARTS) == 4
    some = dmrefresh("runbook", NAME, "--step", "14", folder=tmp_path).stdout
    assert some.startswith("Step 14 of 15")
    assert "Step 15 of 15" in some
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("given", [b"", b"done\n" * 40])
def test_without_a_terminal_nothing_is_confirmed(tmp_path: Path, given: bytes) -> None:
    argv = [DMREFRESH, "runbook", NAME, "--record", "r"]
    done = subprocess.run(argv, input=given, capture_output=True, cwd=tmp_path, check=False)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"no terminal" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["restore-staging"], "known: restore-production"),
        ([NAME, "--step", "16"], "has steps 1 to 15"),
        ([NAME, "--step", "0"], "has steps 1 to 15"),
        ([NAME, "--list", "--record", "absent"], "There is no record absent"),
        ([NAME, "--list", "--record", "."], "There is no record ."),
    ],
)
def test_what_is_not_there_is_told(tmp_path: Path, arguments: list[str], said: str) -> None:
    done = dmrefresh("runbook", *arguments, folder=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr


def test_a_record_that_cannot_be_written_is_told_before_the_first_step(tmp_path: Path) -> None:
    with terminal(tmp_path, "--record", "absent/r") as one:
        one.until("Who is at it?")
        one.type("anna")
        assert one.end() == 2
    assert "The record absent/r cannot be written: No such file or directory." in one.output
    assert "Step 1" not in one.output
