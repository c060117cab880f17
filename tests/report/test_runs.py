"""Where reports are kept, what a run tells of itself for them, and that nothing about it changes a run."""

from __future__ import annotations

import contextlib
import inspect
import os
import pwd
from pathlib import Path
from typing import NoReturn

import platformdirs
import pytest

from dmrefresh import settings
from dmrefresh.bucket.store import Store
from dmrefresh.errors import KeyUnusable, UsageFailure
from dmrefresh.jobs.dumps import seen
from dmrefresh.jobs.reports import keeping, showing
from dmrefresh.observer import Observer
from dmrefresh.report import outcome, runs, writing
from dmrefresh.report.listening import Listening
from dmrefresh.report.timeline import timeline_of
from dmrefresh.settings.keys import Keys
from dmrefresh.settings.model import Settings
from dmrefresh.stopwatch import Stopwatch
from tests.report.documents import refreshed


class Told(Observer):
    """Keeps what it is told, by the name of how."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, tuple[object, ...]]] = []

    def __getattribute__(self, name: str) -> object:
        if name in vars(Observer) and not name.startswith("_"):
            return lambda *given: self.heard.append((name, given))
        return super().__getattribute__(name)


class Done:
    """A run that went well."""

    standing = "It is done."

    def as_dict(self) -> dict[str, object]:
        return refreshed()


def test_everything_that_a_run_tells_is_passed_on() -> None:
    told = Told()
    listening = Listening(told)
    methods = {name: method for name, method in vars(Observer).items() if not name.startswith("_")}
    for name, method in methods.items():
        assert name in vars(Listening), name
        getattr(listening, name)(*(Stopwatch() for _ in list(inspect.signature(method).parameters)[1:]))
    assert [name for name, _ in told.heard] == list(methods)
    assert listening.stopwatch is not None


def test_a_warning_that_is_said_twice_stands_once_in_the_report() -> None:
    listening = Listening(Observer())
    for warning in ("one", "two", "one"):
        listening.warn(warning)
    assert listening.warnings == ["one", "two"]


def test_a_user_without_a_home_is_told_and_leaves_no_folder_called_tilde(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platformdirs, "user_state_dir", lambda _: "~/.local/state/dmrefresh")
    monkeypatch.chdir(tmp_path)
    told = Told()
    with outcome.recorded(None, told, job="clean-and-apply") as record:
        keeping.keep(record, Settings(), None)
    assert record.folder is None
    assert list(tmp_path.iterdir()) == []
    ((how, (warning,)),) = told.heard
    assert how == "warn"
    assert "--run-dir" in str(warning)


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A user that nobody knows, without a home, as containers have them; it stands in this folder."""

    def unknown(number: int) -> NoReturn:
        raise KeyError(number)

    for name in ("HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RuntimeError):
        platformdirs.user_state_dir("dmrefresh")
    return tmp_path


@pytest.mark.parametrize("said", ["", '[report]\nruns = "~/x"\n'], ids=["nothing", "below it"])
def test_whom_nobody_knows_has_no_report_one_warning_and_all_else(homeless: Path, said: str) -> None:
    (homeless / "dmrefresh.toml").write_text(said)
    for file in (None, homeless / "dmrefresh.toml"):
        told = Told()
        with outcome.recorded(None, told, job="clean-and-apply") as record:
            held = settings.load(file)
            keeping.keep(record, held, None)
        assert record.folder is None
        assert [how for how, _ in told.heard] == ["warn"]
        assert showing.listed(held) == []
        told = Told()
        with outcome.recorded(None, told, folder=homeless / "run", job="clean-and-apply") as record:
            keeping.keep(record, held, homeless / "run")
        assert (record.folder, told.heard) == (homeless / "run", [])
    seen.remember(Store("bucket"), ["production-202611240244.sql.gz.gpg"])
    assert seen.seen("bucket", None) == []
    assert [one.name for one in homeless.iterdir()] == ["dmrefresh.toml"]


def test_a_path_below_a_home_that_is_not_there_is_a_mistake_in_the_settings(homeless: Path) -> None:
    (homeless / "dmrefresh.toml").write_text('[keys]\ncredentials_repo = "~/credentials"\n')
    with pytest.raises(UsageFailure, match="credentials_repo"):
        settings.load(None)
    for keys in (Keys(secret_key=Path("~/secret.key")), Keys(credentials_repo=Path("~/credentials"))):
        with pytest.raises(UsageFailure, match="is below ~"):
            keys.files()


def test_a_run_does_not_sweep_its_own_report_away_though_later_ones_are_there(tmp_path: Path) -> None:
    later = tmp_path / "99990101T000000Z-01234567"
    later.mkdir()
    kept: list[bool] = []

    def keep(folder: Path) -> None:
        kept.append(later.exists() and (folder / runs.DATA).exists())

    for fails in (False, True):
        later.mkdir(exist_ok=True)
        with contextlib.suppress(KeyUnusable), outcome.recorded(None, Told(), job="clean-and-apply") as record:
            record.folder, record.newest, record.keep = tmp_path / record.run, 1, keep
            if fails:
                raise KeyUnusable("It does not open.")
            record.finished(Done())
        assert [one.name for one in tmp_path.iterdir()] == [record.run]
    assert kept == [True, True]  # what is swept goes after that


def test_a_page_that_cannot_be_made_changes_nothing_about_how_a_run_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> str:
        raise ZeroDivisionError("canary")

    monkeypatch.setattr("dmrefresh.report.page.rendered", broken)
    told = Told()
    with (
        pytest.raises(KeyUnusable),
        outcome.recorded(None, told, folder=tmp_path / "run", job="clean-and-apply") as record,
    ):
        raise KeyUnusable("It does not open.")
    assert record.page is None
    assert (tmp_path / "run" / runs.DATA).exists()
    assert "canary" not in str(told.heard)
    assert "the report's page could not be made (ZeroDivisionError)" in str(told.heard)


def test_a_file_is_there_as_a_whole_or_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "report.json"
    writing.put(file, "before")

    def full(self: Path, _: object) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        writing.put(file, "after")
    assert file.read_text() == "before"
    assert list(tmp_path.iterdir()) == [file]


def test_a_name_that_no_encoding_takes_does_not_stop_a_report(tmp_path: Path) -> None:
    page = writing.write_folder(tmp_path / "run", refreshed(target="a\udcffb"))
    assert "a\\udcffb is refreshed" in page.read_text()


def test_folders_of_others_and_what_looks_otherwise_stay(tmp_path: Path) -> None:
    names = [f"2026010{day}T000000Z-0123456{day}" for day in range(1, 6)]
    for name in names[:4]:
        (tmp_path / name).mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / names[4]).symlink_to(tmp_path / "elsewhere")
    if os.geteuid() == 0:
        os.chown(tmp_path / names[0], 12345, 12345)
    runs.sweep(tmp_path / names[3], 2)
    left = {one.name for one in tmp_path.iterdir()}
    assert left >= {names[2], names[3], names[4], "elsewhere"}
    assert names[1] not in left
    assert (names[0] in left) is (os.geteuid() == 0)


def test_a_timeline_has_what_a_stopwatch_measured_and_no_bytes_of_what_nobody_weighed() -> None:
    stopwatch = Stopwatch()
    for _ in stopwatch.timed("fetch", [b"12", b"345"]):
        pass
    with stopwatch.measure("commit"):
        pass
    fetch, commit = timeline_of(stopwatch).stages
    assert (fetch.name, fetch.bytes, commit.name, commit.bytes) == ("fetch", 5, "commit", None)
    assert 0 <= fetch.began <= fetch.ended <= commit.began <= commit.ended
