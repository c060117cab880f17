"""The real command at work, started and waited for; what it says goes to a file, so that nobody need read meanwhile."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from tests.jobs.scene import DMREFRESH
from tests.soak.world import World

_HANGS = 900.0
"""Seconds after which a run is killed that its deadline should have ended long before."""

_numbers = count(1)


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
    """A run that was started."""

    child: subprocess.Popen[bytes]
    said: Path
    report: Path
    settings: Path
    began: float

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
        late = threading.Timer(_HANGS, self.child.kill)
        late.start()
        try:
            os.waitid(os.P_PID, self.child.pid, os.WEXITED | os.WNOWAIT)
            seconds = time.monotonic() - self.began
            _, status, usage = os.wait4(self.child.pid, 0)
            self.child.returncode = os.waitstatus_to_exitcode(status)
        finally:
            late.cancel()
        try:
            report = json.loads(self.report.read_text())
        except (OSError, ValueError):
            report = {}
        said = self.said.read_text(errors="replace")
        for file in (self.report, self.said, self.settings):
            file.unlink(missing_ok=True)
        return Ended(self.child.returncode, said, report, usage.ru_maxrss * 1024, seconds, seconds >= _HANGS)


def start(world: World, stage: str, *arguments: str, before: Sequence[str] = (), **variables: str) -> Running:
    """Start the command.

    Args:
        world: what it works on.
        stage: whose dumps.
        arguments: the command's.
        before: words that the command line begins with.
        variables: what is different in its environment.
    """
    number = next(_numbers)
    said, report, settings = (world.folder / "said" / f"{number}.{kind}" for kind in ("txt", "json", "toml"))
    settings.write_text(world.settings(stage))
    argv = [*before, DMREFRESH, "--config", str(settings), "--debug", *arguments, "--report", str(report)]
    with said.open("wb") as output:
        child = subprocess.Popen(
            argv,
            env=world.variables() | variables,
            cwd=world.folder / "home",
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    return Running(child, said, report, settings, time.monotonic())


def refresh(world: World, target: str, stage: str, *, before: Sequence[str] = (), **variables: str) -> Running:
    """Start a refresh of a target from the newest dump of a stage."""
    return start(world, stage, "clean-and-apply", "--target", target, before=before, **variables)


def back_up(world: World, stage: str, *, before: Sequence[str] = (), **variables: str) -> Running:
    """Start a backup of production under a stage's name."""
    return start(world, stage, "backup-production", "--stage", stage, before=before, **variables)
