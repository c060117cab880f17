"""A copy of this process that does one thing. No program is started, so there are no arguments for anybody to see.

Its memory is that of this process at the moment of the fork, so it is made before there is anything secret in it, and
before there are threads: of these only the one that forks goes on in the copy, and what others held is held for ever.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from dmrefresh.machine import signals

_SIGNALS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM, signal.SIGPIPE}
_PR_SET_PDEATHSIG, _PR_SET_NAME = 1, 15
_STANDARD = 3
"""Files that every process has."""


def alone() -> bool:
    """Whether this process can be copied: on Linux, where there are no other threads, of Python's or of anybody's."""
    if sys.platform != "linux" or threading.active_count() > 1:
        return False
    return len(list(Path("/proc/self/task").iterdir())) == 1


class Forked:
    """Such a copy, and the line to it.

    Args:
        deed: what it does, given its end of the line. What it raises is told to nobody: the copy just ends.
        name: what it is called in a list of processes, at most 15 letters.

    Attributes:
        pid: its number.
        link: our end of the line; at its end there is nobody any more.
    """

    def __init__(self, deed: Callable[[socket.socket], None], name: str) -> None:
        self._reaped: int | None = None
        self._reaping = threading.Lock()
        with signals.held():  # one that came in between would leave a process that nobody knows
            self.link, theirs = socket.socketpair()
            before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
            parent = os.getpid()
            try:
                self.pid = os.fork()
                if self.pid == 0:
                    _be_the_copy(deed, theirs, parent, name)
            except OSError:  # there is no room for another process
                self.link.close()
                raise
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
                theirs.close()
        try:
            self.link.recv(1)  # it has done what makes sure that it does not outlive us
        except BaseException:
            self.kill()
            raise

    def ended(self) -> int | None:
        """Its exit status, or minus the number of the signal that ended it; None while it is there."""
        return self._status(os.WNOHANG)

    def kill(self) -> int:
        """End it at once, as nothing can keep it from; its exit status, see `ended`."""
        with signals.held():
            with self._reaping:
                if self._reaped is None:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(self.pid, signal.SIGKILL)
            status = self._status(0)
        assert status is not None
        return status

    def _status(self, options: int) -> int | None:
        with signals.held(), self._reaping:
            if self._reaped is None:
                try:
                    pid, status = os.waitpid(self.pid, options)
                except ChildProcessError:  # somebody else has heard how it ended, and it has
                    self._reaped = -signal.SIGKILL
                else:
                    self._reaped = os.waitstatus_to_exitcode(status) if pid else None
            return self._reaped


def _be_the_copy(deed: Callable[[socket.socket], None], link: socket.socket, parent: int, name: str) -> None:
    """All that the copy ever does."""
    code = 1
    try:
        for number in _SIGNALS:  # it ends when we do, and not when whoever ends us tells it, too
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        os.setsid()
        _die_with(parent, name)
        _let_go_of_all_but(link)
        gc.freeze()  # what is shared stays so
        link.sendall(b"\n")
        deed(link)
        code = 0
    finally:
        os._exit(code)


def _die_with(parent: int, name: str) -> None:
    """See prctl(2). Where the parent is gone before it was asked for, the copy ends here."""
    import ctypes

    prctl = ctypes.CDLL(None).prctl
    prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    prctl(_PR_SET_NAME, name.encode(), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def _let_go_of_all_but(link: socket.socket) -> None:
    """Close every file; nothing is said to anybody, and nobody who waits for the end of a pipe waits for us."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in range(_STANDARD):
        os.dup2(nothing, standard)
    for one in list(Path("/proc/self/fd").iterdir()):
        descriptor = int(one.name)
        if descriptor >= _STANDARD and descriptor != link.fileno():
            with contextlib.suppress(OSError):  # that of the listing is closed already
                os.close(descriptor)
