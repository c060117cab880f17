"""A process that does one run after the other, in which nothing may pile up: python -m tests.soak.resident.

It reads a line of JSON for each run, does what the command does, and answers with a line: how it ended, and what the
process holds since.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

_CHECKOUT = Path(__file__).parents[2]
_PATIENCE = 60.0
"""Seconds in which a thread of a stage that was broken off ends by itself."""


@dataclass
class Resident:
    """The process, as whoever gives it work knows it; it is started when it is needed.

    Attributes:
        variables: its environment.
        temporary: its TMPDIR, and where it works.
        holds: what it held after its last run: bytes of memory, descriptors, threads, children, files in its TMPDIR;
            and how many runs it has done.
    """

    variables: dict[str, str]
    temporary: Path
    holds: dict[str, int] = field(default_factory=dict)
    _child: subprocess.Popen[str] | None = None

    def begin(self, argv: Sequence[str], said: Path) -> None:
        """Let it do a run, and write what is said to a file."""
        if self._child is None or self._child.poll() is not None:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "tests.soak.resident"],
                env=self.variables | {"TMPDIR": str(self.temporary), "PYTHONPATH": str(_CHECKOUT)},
                cwd=self.temporary,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            self.holds = {}
        assert self._child.stdin is not None
        self._child.stdin.write(json.dumps({"argv": list(argv), "said": str(said)}) + "\n")
        self._child.stdin.flush()

    @property
    def pid(self) -> int:
        """Of the process."""
        assert self._child is not None
        return self._child.pid

    def wait(self) -> int:
        """Wait until the run has ended; its exit code."""
        assert self._child is not None
        assert self._child.stdout is not None
        line = self._child.stdout.readline()
        if not line:
            return self._child.wait()
        answer: dict[str, int] = json.loads(line)
        self.holds = answer
        return answer.pop("code")

    def end(self) -> None:
        """End the process."""
        if self._child is not None:
            assert self._child.stdin is not None
            with contextlib.suppress(OSError):
                self._child.stdin.close()
            try:
                self._child.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()


def main() -> None:
    """Do what is asked for, until nobody asks any more."""
    answers = os.fdopen(os.dup(1), "w")
    for runs, line in enumerate(sys.stdin, 1):
        wanted: dict[str, Any] = json.loads(line)
        with Path(wanted["said"]).open("wb", buffering=0) as said:
            for number in (1, 2):
                os.dup2(said.fileno(), number)
        code = _run(wanted["argv"])
        print(json.dumps({"code": code, "runs": runs, **_held()}), file=answers, flush=True)


def _run(argv: list[str]) -> int:
    from dmrefresh.cli import app

    code = 0
    try:
        app(argv)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def _held() -> dict[str, int]:
    deadline = time.monotonic() + _PATIENCE
    me = psutil.Process()
    while (threading.active_count() > 1 or me.children()) and time.monotonic() < deadline:
        time.sleep(0.05)
    gc.collect()
    return {
        "memory": me.memory_full_info().uss,
        "descriptors": me.num_fds(),
        "threads": threading.active_count(),
        "children": len(me.children(recursive=True)),
        "files": len(list(Path(tempfile.gettempdir()).iterdir())),
    }


if __name__ == "__main__":
    main()
