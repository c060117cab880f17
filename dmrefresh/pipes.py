"""The pipes of a child process: who writes into one, and who reads what it complains of."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from collections.abc import Iterable
from typing import IO

_BLOCK = 1 << 20
_TAIL = 64 * 1024


class Feeder(threading.Thread):
    """Writes blocks to a child's standard input; what goes wrong in making them is kept in `error`."""

    def __init__(self, child: subprocess.Popen[bytes], blocks: Iterable[bytes]) -> None:
        super().__init__(name="dmrefresh-feeder", daemon=True)
        self.child = child
        self.blocks = blocks
        self.error: BaseException | None = None
        self.stopped = False

    def run(self) -> None:
        """Write every block, then close; called by the thread."""
        assert self.child.stdin is not None
        source = iter(self.blocks)
        try:
            for block in source:
                if self.stopped or not self._write(block):
                    break
            self.child.stdin.close()
        except BaseException as caught:  # raised again in the consumer's thread
            self.error = caught
            self.child.kill()
        finally:
            close = getattr(source, "close", None)
            if close is not None:
                with contextlib.suppress(Exception):  # what mattered is in self.error already
                    close()

    def _write(self, block: bytes) -> bool:
        """False where the child ended first: its exit status and verdict say why."""
        assert self.child.stdin is not None
        # An unbuffered write may end early, where a signal breaks in: what is left is written again.
        rest = memoryview(block)
        try:
            while rest:
                rest = rest[self.child.stdin.write(rest) :]
        except BrokenPipeError:
            return False
        return True


def drain(stream: IO[bytes], kept: bytearray | None) -> None:
    """Read standard error to its end, so that a chatty child never stands still."""
    with contextlib.suppress(OSError, ValueError):
        while block := stream.read(_TAIL):
            if kept is not None:
                kept += block
                del kept[:-_TAIL]


def enlarge(stream: IO[bytes] | None) -> None:
    """Give a pipe one megabyte (pipe(7)): fewer switches between us and the child. Linux only."""
    if stream is not None and sys.platform == "linux":
        import fcntl

        with contextlib.suppress(OSError):
            fcntl.fcntl(stream.fileno(), fcntl.F_SETPIPE_SZ, _BLOCK)
