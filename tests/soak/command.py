"""The real command at work, started and waited for; what it says goes to a file, so that nobody need read meanwhile."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from tests.jobs.scene import DMREFRESH
from tests.soak.resident import Resident
from tests.soak.world import World

_HANGS = 2400.0
"""Seconds after which a run is killed that its deadline should have ended long before."""

_numbers = count(1)
_living: list[subprocess.Popen[bytes]] = []


@dataclass(frozen=True)
class Ended:
    """How a run ended.

    Attributes:
        code: its exit code, or minus the number of the signal that killed it.
        output, report: all it said, and the report it wrote, if it did.
        peak: the most memory it held at once, in bytes.
        seconds: how long it took.
        hung: whether it had to be killed.
    """

    code: int
    output: str
    report: dict[str, Any]
    peak: int
    seconds: float
    hung: bool = False


@dataclass
class Running:
    """A run that was started, in a process of its own."""

    files: Files
    began: float
    child: subprocess.Popen[bytes]

    @property
    def pid(self) -> int:
        """The process that does it."""
        return self.child.pid

    @property
    def over(self) -> bool:
        """Whether it has ended, and may have been waited for."""
        try:
            return os.waitid(os.P_PID, self.child.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None
        except ChildProcessError:
            return True

    def signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if not self.over:
            os.kill(self.child.pid, number)

    def wait(self) -> Ended:
        """Wait until it has ended."""
        with _not_for_ever(self.pid):
            os.waitid(os.P_PID, self.child.pid, os.WEXITED | os.WNOWAIT)
            seconds = time.monotonic() - self.began
            _, status, usage = os.wait4(self.child.pid, 0)
            self.child.returncode = os.waitstatus_to_exitcode(status)
            _living.remove(self.child)
        said, report = self.files.taken()
        return Ended(self.child.returncode, said, report, usage.ru_maxrss * 1024, seconds, seconds >= _HANGS)


@dataclass
class RunningInside(Running):
    """A run of the resident process, which nobody may signal."""

    child: Resident  # type: ignore[assignment]

    @property
    def pid(self) -> int:
        return self.child.pid

    @property
    def over(self) -> bool:
        return True

    def wait(self) -> Ended:
        with _not_for_ever(self.pid):
            code = self.child.wait()
        seconds = time.monotonic() - self.began
        said, report = self.files.taken()
        return Ended(code, said, report, 0, seconds, seconds >= _HANGS)


@dataclass(frozen=True)
class Files:
    """Of one run: what it says, its report, and its settings."""

    said: Path
    report: Path
    settings: Path

    @classmethod
    def of(cls, world: World, stage: str) -> Files:
        """New ones, with the settings written."""
        number = next(_numbers)
        files = cls(*(world.folder / "said" / f"{number}.{kind}" for kind in ("txt", "json", "toml")))
        files.settings.write_text(world.settings(stage))
        return files

    def taken(self) -> tuple[str, dict[str, Any]]:
        """What was said and reported; the files are gone."""
        try:
            report = json.loads(self.report.read_text())
        except (OSError, ValueError):
            report = {}
        said = self.said.read_text(errors="replace")
        for file in (self.report, self.said, self.settings):
            file.unlink(missing_ok=True)
        return said, report


@dataclass
class Hand:
    """Starts the command, or lets a resident process do the same.

    Attributes:
        world: what it works on.
        stage: whose dumps it takes, or makes.
        before: words that the command line begins with.
        variables: what is different in its environment.
        inside: the resident process, if that is to do it.
    """

    world: World
    stage: str
    before: Sequence[str] = ()
    variables: dict[str, str] = field(default_factory=dict)
    inside: Resident | None = None

    def refresh(self, target: str, *more: str) -> Running:
        """Start a refresh of a target from the newest dump of the stage, with more options."""
        return self._start("clean-and-apply", "--target", target, *more)

    def back_up(self) -> Running:
        """Start a backup of production under the stage's name."""
        return self._start("backup-production", "--stage", self.stage)

    def _start(self, *arguments: str) -> Running:
        files, began = Files.of(self.world, self.stage), time.monotonic()
        argv = ["--config", str(files.settings), "--debug", *arguments]
        if arguments[0] == "clean-and-apply":
            argv += ["--stage", self.stage]
        argv += ["--report", str(files.report)]
        if self.inside is not None:
            self.inside.begin(argv, files.said)
            return RunningInside(files, began, self.inside)
        with files.said.open("wb") as output:
            child = subprocess.Popen(
                [*self.before, DMREFRESH, *argv],
                env=self.world.variables() | self.variables,
                cwd=self.world.folder / "home",
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        _living.append(child)
        return Running(files, began, child)


def kill_all() -> None:
    """Kill every run that was not waited for: the soak itself is ended."""
    for child in _living:
        if child.returncode is None:
            child.kill()
            child.wait()
    _living.clear()


@contextlib.contextmanager
def _not_for_ever(pid: int) -> Iterator[None]:
    late = threading.Timer(_HANGS, os.kill, (pid, signal.SIGKILL))
    late.start()
    try:
        yield
    finally:
        late.cancel()
