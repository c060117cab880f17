"""A real terminal around the real command, and what somebody sees on it."""

from __future__ import annotations

import re
import termios
from dataclasses import dataclass

import pexpect
import pyte

from tests.jobs.scene import DMREFRESH, Scene

_SIZE = (40, 110)
"""Lines and columns."""
PATIENCE = 100
"""Seconds that a test waits for what must come."""


@dataclass
class Terminal:
    """A command that runs in a terminal of its own.

    Attributes:
        child: it.
        raw: all that it has written so far.
    """

    child: pexpect.spawn[str]
    raw: str = ""

    def until(self, pattern: str) -> None:
        """Wait until the command has written this."""
        self.child.expect(pattern, timeout=PATIENCE)
        self.raw += f"{self.child.before}{self.child.after}"

    def type(self, line: str) -> None:
        """Type a line."""
        self.child.sendline(line)

    def end(self) -> int:
        """Wait until it has ended; returns its exit status; -1 where a signal has killed it."""
        self.child.expect(pexpect.EOF, timeout=PATIENCE)
        self.raw += f"{self.child.before}"
        self.child.close()
        status: int | None = self.child.exitstatus
        return -1 if status is None else status

    @property
    def modes(self) -> list[object]:
        """How the terminal treats what is typed."""
        return termios.tcgetattr(self.child.child_fd)[:4]

    @property
    def screen(self) -> list[str]:
        """What stands on the screen, and what has gone off its top, without empty lines."""
        shown = pyte.HistoryScreen(_SIZE[1], _SIZE[0], history=1000)
        pyte.Stream(shown).feed(self.raw)
        top = ["".join(line[column].data for column in range(_SIZE[1])).rstrip() for line in shown.history.top]
        return [line for line in [*top, *(line.rstrip() for line in shown.display)] if line]

    @property
    def drawn(self) -> list[str]:
        """All lines that were ever drawn, without colours and movements."""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.raw).replace("\r", "\n").split("\n")


def start(scene: Scene, *command: str, **environ: str) -> Terminal:
    """Start a command in a terminal; a refresh if none is named."""
    argv = ["--config", str(scene.settings()), *(command or ("clean-and-apply", "--target", "local"))]
    environment = {**scene.environment(), "TERM": "xterm-256color", **environ}
    child = pexpect.spawn(
        DMREFRESH, argv, env=environment, cwd=str(scene.folder), dimensions=_SIZE, encoding="utf-8", timeout=PATIENCE
    )
    return Terminal(child)
