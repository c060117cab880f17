"""The report of a run is written however it ends, holds no secret, and changes nothing about how it ends."""

from __future__ import annotations

import json
import re
import signal
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from traceback import extract_tb
from typing import Any

import pytest

from dmrefresh import __version__
from dmrefresh.errors import UNCHANGED, UNFINISHED, UNTOUCHED, BackupUnverified, KeyUnusable, PublishedButUnfinished
from dmrefresh.machine.signals import Interrupted
from dmrefresh.observer import Observer
from dmrefresh.report import model, outcome
from dmrefresh.report.model import Try


class Told(Observer):
    """Keeps what it is warned of."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, message: str) -> None:
        self.warnings.append(message)


class Done:
    """A run that went well."""

    def as_dict(self) -> dict[str, object]:
        return {"rows": 7, "status": "succeeded", "exit_code": 0, "version": 1}

    @property
    def standing(self) -> str:
        return "It is done."


def run(file: Path | None, error: BaseException, *, done: bool, publishes: bool) -> None:
    with outcome.recorded(file, Told(), publishes=publishes, job="j") as record:
        record.tries.append(Try(1, "find", None, 0.5, 0))
        record.tries.append(Try(1, "refresh", "a dump", 0.5, 12, "It does not open."))
        if done:
            record.finished(Done())
        raise error


def ends(file: Path | None, error: BaseException, *, done: bool = False, publishes: bool = True) -> dict[str, Any]:
    """The report of a run that this ends."""
    with pytest.raises(type(error)) as caught:
        run(file, error, done=done, publishes=publishes)
    assert caught.value is error
    return dict(json.loads(file.read_text())) if file is not None else {}


def test_a_run_that_fails_says_what_and_each_attempt(tmp_path: Path) -> None:
    said = ends(tmp_path / "r.json", KeyUnusable("It does not open.", hint="look at it"))
    assert said.pop("total_seconds") >= 0
    assert datetime.fromisoformat(said.pop("began")) <= datetime.now(UTC)
    assert re.fullmatch(r"\d{8}T\d{6}Z-[0-9a-f]{8}", said.pop("run"))
    assert said.pop("dmrefresh") == __version__
    refresh = {"number": 1, "doing": "refresh", "dump": "a dump", "seconds": 0.5, "exit_code": 12}
    assert said == {
        "status": "failed",
        "exit_code": 12,
        "what": "It does not open.",
        "state": UNTOUCHED,
        "hint": "look at it; `dmrefresh doctor` looks at the keys",
        "job": "j",
        "attempts": 1,
        "tries": [
            {"number": 1, "doing": "find", "dump": None, "seconds": 0.5, "exit_code": 0, "what": None},
            refresh | {"what": "It does not open."},
        ],
        "timeline": None,
        "warnings": [],
        "version": 1,
    }


@pytest.mark.parametrize(
    ("error", "publishes", "expected"),
    [
        (KeyUnusable("No."), False, ("failed", 12, UNCHANGED)),
        (Interrupted(signal.SIGTERM), True, ("failed", 143, UNTOUCHED)),
        (Interrupted(signal.SIGTERM), False, ("failed", 143, UNFINISHED)),
        (BrokenPipeError(), True, ("failed", 141, UNTOUCHED)),
        (KeyError("canary"), True, ("failed", 1, UNTOUCHED)),
        (BackupUnverified("Stored.", state="There."), False, ("unfinished", 31, "There.")),
    ],
    ids=lambda value: type(value).__name__,
)
def test_whatever_ends_it_has_its_code_and_its_state(
    tmp_path: Path, error: BaseException, publishes: bool, expected: tuple[str, int, str]
) -> None:
    said = ends(tmp_path / "r.json", error, publishes=publishes)
    assert (said["status"], said["exit_code"], said["state"]) == expected
    assert "canary" not in str(said)


def test_what_was_done_is_in_the_report_of_a_run_that_something_after_it_has_failed(tmp_path: Path) -> None:
    said = ends(tmp_path / "r.json", PublishedButUnfinished("The hook failed.", state="Published."), done=True)
    assert (said["rows"], said["status"], said["exit_code"], said["state"]) == (7, "unfinished", 30, "Published.")


def fault_once_done(file: Path, error: Exception, heard: list[BaseException]) -> None:
    with outcome.recorded(file, Told(), job="j") as record:
        try:
            with record.once_done():
                record.done = Done()  # before anybody is shown it, as that may fail
                raise error
        except BaseException as told:  # whoever is told in between
            heard.append(told)
            raise


@pytest.mark.parametrize("error", [KeyError("canary"), BrokenPipeError("canary"), OSError(24, "canary")])
def test_a_fault_after_it_was_done_says_neither_that_nothing_was_nor_any_text(tmp_path: Path, error: Exception) -> None:
    file = tmp_path / "r.json"
    heard: list[BaseException] = []
    with pytest.raises(PublishedButUnfinished) as caught:
        fault_once_done(file, error, heard)
    assert heard == [caught.value]
    said = json.loads(file.read_text())
    assert (said["rows"], said["status"], said["exit_code"], said["state"]) == (7, "unfinished", 30, "It is done.")
    assert type(error).__name__ in said["what"]
    assert "canary" not in str(said) + str(caught.value)
    frames = [frame.lineno for frame in extract_tb(caught.value.__traceback__) if frame.name == "fault_once_done"]
    assert len(set(frames)) > 1  # --debug shows where it happened, and not only where it was caught


def test_a_signal_after_it_was_done_is_told_as_one(tmp_path: Path) -> None:
    said = ends(tmp_path / "r.json", Interrupted(signal.SIGTERM), done=True)
    assert (said["exit_code"], said["rows"]) == (143, 7)


def test_a_name_that_no_encoding_takes_does_not_stop_the_file_that_was_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "r.json"
    model.write(file, {"target": "a\udcffb"}, state="It is done.")
    assert json.loads(file.read_text()) == {"target": "a\udcffb"}
    with pytest.raises(PublishedButUnfinished, match="cannot be written") as caught:
        model.write(Path("a\0b"), {}, state="It is done.")
    assert caught.value.state == "It is done."


def test_a_report_that_is_gone_from_its_folder_before_it_is_kept_hides_nothing(tmp_path: Path) -> None:
    def keep(folder: Path) -> None:
        (folder / "gone").read_bytes()

    told = Told()
    error = KeyUnusable("No.")
    with (
        suppress(KeyUnusable),
        outcome.recorded(None, told, folder=tmp_path / "r", job="clean-and-apply") as record,
    ):
        record.keep = keep
        raise error
    assert "cannot be kept in its bucket" in told.warnings[-1]


def test_a_run_that_goes_well_has_its_own_report_and_one_without_a_file_none(tmp_path: Path) -> None:
    file = tmp_path / "r.json"
    with outcome.recorded(file, Told(), job="j") as record:
        record.finished(Done())
    said = json.loads(file.read_text())
    assert (said["status"], said["state"], said["job"]) == ("succeeded", "It is done.", "j")
    assert ends(None, KeyUnusable("No.")) == {}
    assert list(tmp_path.iterdir()) == [file]


def test_a_report_that_cannot_be_written_is_warned_of_and_hides_nothing(tmp_path: Path) -> None:
    told = Told()
    with pytest.raises(KeyUnusable), outcome.recorded(tmp_path / "nowhere" / "r.json", told, job="j"):
        raise KeyUnusable("No.")
    (warning,) = told.warnings
    assert warning.startswith("The report cannot be written")


@pytest.mark.parametrize("target", ["postgresql://app:hunter2@localhost/app", "host=localhost password=hunter2"])
def test_a_target_that_is_given_by_its_url_is_not_in_it(target: str) -> None:
    assert "hunter2" not in outcome.shown(target)
    assert outcome.shown("staging") == "staging"
