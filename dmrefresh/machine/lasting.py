"""A child process that runs for as long as it is needed, and ends with whoever needs it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence

from dmrefresh.machine import signals
from dmrefresh.machine.process import started

_GRACE = 5.0
"""Seconds that it gets to end by itself."""

_DIES_WITH_US = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, 15)  # PR_SET_PDEATHSIG, SIGTERM: see prctl(2)
if os.getppid() == int(sys.argv[1]):
    os.execvp(sys.argv[2], sys.argv[2:])
"""
"""Becomes the program it is given, which is then told to end when we are killed and can do nothing any more."""


class Lasting:
    """A child that runs for as long as it is needed; `lasting` makes it.

    Args:
        child: it leads a process group of its own.
    """

    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        self.pid = child.pid
        self._child = child

    def wait(self, seconds: float) -> int | None:
        """Its exit status (minus the number of the signal that ended it), or None if it still runs after so long.

        The child is not reaped, so that nothing else can be given its number while its group may be signalled; but
        for macOS, where Python before 3.13 knows no other way to ask.
        """
        deadline = time.monotonic() + seconds
        while True:
            status = self._status()
            if status is not None:
                return status
            if time.monotonic() >= deadline:
                return None
            time.sleep(0.02)

    def _status(self) -> int | None:
        if not hasattr(os, "waitid"):
            return self._child.poll()
        ended = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG)
        if ended is None:
            return None
        return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to it and to its own children, as far as they are in its group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)


@contextlib.contextmanager
def lasting(argv: Sequence[str], *, env: dict[str, str]) -> Iterator[Lasting]:
    """Run a child for the length of the block: it reads nothing, and what it writes is thrown away.

    At the end it and its children are told to end, and killed if the child has not within five seconds. On Linux
    it is told so too when the thread that started it ends without getting here, by SIGKILL for one.

    Args:
        argv: the program and its arguments.
        env: the child's whole environment.

    Raises:
        OSError: there is no such program, or it may not be run.
    """
    if shutil.which(argv[0]) is None:
        raise FileNotFoundError(argv[0])
    if sys.platform == "linux":
        argv = [sys.executable, "-I", "-S", "-c", _DIES_WITH_US, str(os.getpid()), *argv]
    nowhere = subprocess.DEVNULL
    with started(argv, env=env, stderr=nowhere, pipe=nowhere, with_all=False) as child:
        running = Lasting(child)
        try:
            yield running
        finally:
            try:
                running.signal(signal.SIGTERM)
                end = time.monotonic() + _GRACE
                while not signals.hurried() and time.monotonic() < end and running.wait(0.05) is None:
                    pass
            finally:
                running.signal(signal.SIGKILL)
