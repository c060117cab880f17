"""What the table says has happened is what happened to the tests."""

from __future__ import annotations

from typing import Literal

import pytest

from tests.faults.matrix import page
from tests.faults.recording import Result, Run, _Recorder, said

Outcome = Literal["passed", "failed", "skipped"]


def report(
    outcome: Outcome, *happened: str, when: Literal["setup", "call"] = "call", id: str = "23"
) -> pytest.TestReport:
    return pytest.TestReport(
        nodeid="test",
        location=("test.py", 1, "test"),
        keywords={},
        outcome=outcome,
        longrepr=None,
        when=when,
        user_properties=[("fault", id), *(("happened", one) for one in happened)],
        duration=1.25,
    )


def recorded(*reports: pytest.TestReport) -> Run:
    recorder = _Recorder()
    for one in reports:
        recorder.pytest_runtest_logreport(one)
    return Run("2026-01-01", "Linux", recorder.rows)


def test_each_different_thing_that_happened_is_told_once_and_the_seconds_are_added_up() -> None:
    run = recorded(report("passed", "exit 13"), report("passed", "exit 13"), report("passed", "published"))
    assert said(run, "23") == ("exit 13; published", "3.8")
    assert said(run, "24") == ("not run yet", "")


@pytest.mark.parametrize("when", ["setup", "call"])
def test_a_test_that_fails_is_never_told_as_what_must_happen(when: Literal["setup", "call"]) -> None:
    run = recorded(report("passed", "exit 13"), report("failed", "exit 13", when=when))
    assert said(run, "23")[0] == "FAILED (1 of 2 tests)"
    assert "| 23 | The dump ends between two rows | Exit 13, nothing published | FAILED (1 of 2 tests) |" in page(run)


def test_what_was_left_out_is_told_as_such() -> None:
    assert said(recorded(report("skipped", when="setup")), "23")[0] == "left out on this machine"
    assert str(Result(tests=2, happened=["a", "b", "c", "d", "e"])) == "a; b; c; and 2 more"
    assert str(Result(tests=2)) == "as it must, in 2 tests"
