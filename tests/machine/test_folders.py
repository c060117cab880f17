"""Folders of a run are private, are there once or not at all, and are gone with the next run after a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from dmrefresh.machine import folders, signals

PREFIX = "dmrefresh-test-"
KILLED_AT = """
import os, sys
from pathlib import Path
from dmrefresh.machine import folders
def kill(event, arguments):
    if event == sys.argv[1]:
        os.kill(os.getpid(), 9)
sys.addaudithook(kill)
with folders.private_folder(Path(sys.argv[2]), "dmrefresh-test-"):
    os.kill(os.getpid(), 9)
"""


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    signals.go_on()
    signal.setitimer(signal.ITIMER_REAL, 0)
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("moment", ["never", "open", "fcntl.flock", "os.rename"])
@pytest.mark.fault("81c")
def test_a_folder_whose_maker_was_killed_at_any_moment_goes_with_the_next_sweep(tmp_path: Path, moment: str) -> None:
    """Once it was there, `never`; or before there was a lock in it, before it was locked, before it had its name."""
    made = subprocess.run([sys.executable, "-c", KILLED_AT, moment, str(tmp_path)], check=False)
    assert made.returncode == -signal.SIGKILL
    assert list(tmp_path.iterdir()) != []
    folders.sweep(tmp_path, PREFIX)
    assert list(tmp_path.iterdir()) == []


def test_folders_that_are_made_while_others_sweep_are_left_alone(tmp_path: Path) -> None:
    over = threading.Event()

    def sweep() -> None:
        while not over.is_set():
            folders.sweep(tmp_path, PREFIX)

    sweeping = [threading.Thread(target=sweep) for _ in range(2)]
    for thread in sweeping:
        thread.start()
    try:
        for _ in range(500):
            with folders.private_folder(tmp_path, PREFIX) as folder:
                assert folder.stat().st_mode & 0o777 == 0o700
                (folder / "ours").write_text("still there")
                folders.sweep(tmp_path, PREFIX)
                assert (folder / "ours").read_text() == "still there"
    finally:
        over.set()
        for thread in sweeping:
            thread.join()
    assert list(tmp_path.iterdir()) == []


def test_what_others_have_called_new_is_not_ours_to_sweep(tmp_path: Path) -> None:
    (tmp_path / ".new-of-somebody").mkdir()
    folders.sweep(tmp_path, PREFIX)
    assert [path.name for path in tmp_path.iterdir()] == [".new-of-somebody"]


def test_a_signal_while_a_folder_is_made_leaves_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    signals.install()
    rename = Path.rename

    def rename_and_end(self: Path, target: Path) -> Path:
        os.kill(os.getpid(), signal.SIGTERM)
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", rename_and_end)
    with pytest.raises(signals.Interrupted), folders.private_folder(tmp_path, PREFIX):
        raise AssertionError("it was not ended")
    assert list(tmp_path.iterdir()) == []


def test_a_signal_while_a_folder_is_removed_leaves_nothing_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that fails, and is ended while it takes its key away."""
    signals.install()
    unlink = os.unlink

    def unlink_and_end(*arguments: object, **more: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        unlink(*arguments, **more)  # type: ignore[arg-type]

    def leave() -> None:
        with folders.private_folder(tmp_path, PREFIX) as folder:
            for name in ("a-key", "another"):
                (folder / name).write_text("a key")
            monkeypatch.setattr(os, "unlink", unlink_and_end)

    with pytest.raises(signals.Interrupted):
        leave()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.fault("L13")
def test_a_disk_is_never_taken_for_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert folders.in_memory() != tmp_path


def test_a_home_that_is_not_there_is_a_path_at_which_nothing_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert folders.expanded(Path("~/r.yaml")) == tmp_path / "r.yaml"
    assert folders.expanded(Path("~nobodyx/r.yaml")) == Path("~nobodyx/r.yaml")
