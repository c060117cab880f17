"""doctor: every check is made, ends, and is told so that nobody can take red for green."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from dmrefresh import settings
from dmrefresh.errors import KeyUnusable, SourceUnreachable
from dmrefresh.jobs.doctor import everything
from dmrefresh.jobs.doctor.checking import Check, Needs, Once, Said, made
from dmrefresh.jobs.doctor.finding import Finding, Findings, Status

DOCUMENT = Path(__file__).parents[2] / "docs" / "how-to" / "doctor.md"


def said(detail: str = "fine", step: str | None = None) -> Said:
    return Said(detail, step)


def raising(error: Exception) -> Check:
    def look() -> Said:
        raise error

    return Check("x", look)


def test_a_check_that_says_something_passes_and_with_something_to_mend_it_warns() -> None:
    assert made(Check("x", lambda: said())) == Finding("x", "pass", "fine")
    assert made(Check("x", lambda: said("hm", "mend it"))) == Finding("x", "warn", "hm", "mend it")


def test_a_failure_keeps_its_words_and_its_exit_code_and_always_has_a_mend() -> None:
    assert made(raising(KeyUnusable("No.", hint="Do."))) == Finding("x", "fail", "No.", "Do.", 12)
    assert made(raising(SourceUnreachable("No."))).next
    assert made(raising(Needs("that"))) == Finding("x", "skip", "that")


def test_a_check_that_breaks_is_a_failure_in_a_sentence_without_what_it_stumbled_over() -> None:
    faults: list[Exception] = []
    found = made(raising(KeyError("jo@example.org")), faults.append)
    assert (found.status, found.exit_code) == ("fail", 1)
    assert found.detail == "The check itself broke (KeyError)."
    assert "jo@" not in repr(found)
    assert len(faults) == 1


def test_who_asks_first_is_told_what_is_wrong_and_the_others_do_without() -> None:
    asked = []

    def find() -> int:
        asked.append(1)
        raise KeyUnusable("No key.")

    key = Once("the key", find)
    with pytest.raises(KeyUnusable):
        key()
    for _ in range(2):
        with pytest.raises(Needs, match="the key"):
            key()
    assert asked == [1]
    assert Once("three", lambda: 3)() == 3
    # What is missing further back is what is named.
    further = Once("the dump", key)
    for _ in range(2):
        with pytest.raises(Needs, match="the key"):
            further()


HANGING = """
import os, signal, time, threading
from dmrefresh.machine import signals
from dmrefresh.jobs.doctor.checking import Check, Said, made
signals.install()
def hang():
    try:
        threading.Event().wait()
    finally:
        print("left in order")
print(made(Check("x", hang, 0.2)))
print(made(Check("y", lambda: Said("fine"), 5)))
threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGTERM)).start()
try:
    made(Check("z", hang, 60))
except signals.Interrupted as interrupted:
    print("interrupted by", interrupted.number)
"""


def test_a_check_that_hangs_is_ended_in_order_and_signals_are_heard_afterwards() -> None:
    done = subprocess.run([sys.executable, "-c", HANGING], capture_output=True, text=True, timeout=60, check=True)
    lines = done.stdout.splitlines()
    assert lines[0] == "left in order"
    assert "status='fail'" in lines[1]
    assert "exit_code=26" in lines[1]
    assert "status='pass'" in lines[2]
    assert lines[3:] == ["left in order", f"interrupted by {signal.SIGTERM.value}"]


SOME = (
    Finding("a", "pass", "fine"),
    Finding("b", "fail", "Down.", "wait", 20),
    Finding("c", "skip", "a"),
    Finding("d", "warn", "hm", "look"),
    Finding("e", "fail", "No key.", "get one", 12),
)


def test_the_worst_comes_first_and_what_a_person_must_mend_before_what_may_heal() -> None:
    found = Findings(SOME)
    assert [one.name for one in found.worst_first] == ["e", "b", "d", "c", "a"]
    assert found.exit_code == 12
    lines = found.text(100).splitlines()
    first = [line.split()[0] if line else "" for line in lines[:9]]
    assert first == ["FAIL", "mend:", "FAIL", "mend:", "", "warn", "mend:", "", "skip"]
    assert lines[-3:-1] == ["2 failed, 1 to look at, 1 skipped, 1 in order", "failed: e, b"]
    assert lines[-1] == "next: mend what failed, then run `dmrefresh doctor` again"


def test_without_a_failure_the_exit_code_is_0_and_the_next_step_is_the_plan() -> None:
    found = Findings([one for one in SOME if one.status != "fail"], ["staging", "preview"])
    assert found.exit_code == 0
    assert json.loads(found.json())["ok"] is True
    assert found.text(100).splitlines()[-1] == "next: dmrefresh plan --target staging"
    assert Findings([]).exit_code == 0


words = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=30)
sentences = st.lists(words, min_size=1, max_size=30).map(" ".join)
statuses: st.SearchStrategy[Status] = st.sampled_from(["fail", "warn", "skip", "pass"])


@hypothesis_settings(max_examples=40)
@given(
    st.lists(st.tuples(statuses, st.from_regex(r"[a-z]{1,9}(\.[a-z]{1,30}){0,2}", fullmatch=True), sentences)),
    st.integers(20, 200),
)
def test_text_and_json_say_the_same_whatever_is_said_and_no_line_is_too_long_for_its_words(
    given_: list[tuple[Status, str, str]], width: int
) -> None:
    found = Findings([Finding(name, status, detail, None, status == "fail") for status, name, detail in given_])
    text, told = found.text(width), json.loads(found.json())
    assert [(one["status"], one["name"]) for one in told["checks"]] == [
        ({"FAIL": "fail", "ok": "pass"}.get(word, word), name)
        for word, name in re.findall(r"^(FAIL|warn|skip|ok) +(\S+)  ", text, re.MULTILINE)
    ]
    assert told["ok"] is (told["exit_code"] == 0) is (not told["fail"])
    said = " ".join(text.split())
    for one in told["checks"]:
        assert one["detail"] in said
    longest = max((len(word) for _, _, detail in given_ for word in detail.split()), default=0)
    names = max((len(name) for _, name, _ in given_), default=0)
    assert all(len(line) <= max(width, 60, 8 + names + longest) for line in text.splitlines())


def test_a_value_cannot_move_the_cursor() -> None:
    assert "\x1b" not in Findings([Finding("a", "warn", "x\x1b[2Jy", "z\x07")]).text(80)


def every_check(folder: Path) -> list[str]:
    """The names of all checks there are; capitals stand for what the settings call a thing."""
    file = folder / "dmrefresh.toml"
    file.write_text(
        "[dumps]\nstage = 'stage'\n[doctor]\nreplica_bucket = 'r'\n[sources.stage]\nurl = 'postgresql:///x'\n"
        "[targets.NAME]\nurl = 'postgresql:///x'\n[targets.BUCKET]\ns3 = 'x'\n"
    )
    loaded = settings.loaded(file, {})
    with ExitStack() as stack:
        names = [check.name for check in everything.checks_for(loaded, ["NAME", "BUCKET"], stack)]
    return [name.replace("source.stage", "source.STAGE") for name in names]


def test_every_check_is_in_the_documentation_in_its_order_and_nothing_else_is(tmp_path: Path) -> None:
    documented = [
        name
        for line in DOCUMENT.read_text().splitlines()
        if line.startswith("| `")
        for name in re.findall(r"`([^`]+)`", line.split("|")[1])
    ]
    assert documented == every_check(tmp_path)
