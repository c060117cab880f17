"""The pipes of a child process: who writes into one, and who reads what it complains of."""

from __future__ import annotations

import contextlib
import os
import selectors
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from typing import IO

from dmrefresh.durations import lasted
from dmrefresh.errors import ProgramFailed

_BLOCK = 1 << 20
_TAIL = 64 * 1024


class Feeder(threading.Thread):
    """Writes blocks to a child's standard input; what goes wrong in making them is kept in `error`.

    Attributes:
        written: how many bytes the child has taken.
        waits: whether it is the child that is waited for: to take what is there, or, once it has all, to end.
    """

    def __init__(self, child: subprocess.Popen[bytes], blocks: Iterable[bytes]) -> None:
        super().__init__(name="dmrefresh-feeder", daemon=True)
        self.child = child
        self.blocks = blocks
        self.error: BaseException | None = None
        self.stopped = False
        self.written = 0
        self.waits = False

    def run(self) -> None:
        """Write every block, then close; called by the thread."""
        assert self.child.stdin is not None
        source = iter(self.blocks)
        try:
            for block in source:
                if self.stopped or not self._write(block):
                    break
            self.child.stdin.close()
            self.waits = True
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
        rest, self.waits = memoryview(block), True
        try:
            while rest:
                taken = self.child.stdin.write(rest)
                rest, self.written = rest[taken:], self.written + taken
        except BrokenPipeError:
            return False
        self.waits = False
        return True


def output(child: subprocess.Popen[bytes], feeder: Feeder, name: str, patience: int | None) -> Iterator[bytes]:
    """Yield what a child writes, up to its end.

    Args:
        child: the child.
        feeder: what writes to it.
        name: what it is called.
        patience: seconds in which it may neither take what is there for it nor write anything; None: for ever.

    Raises:
        ProgramFailed: it stands still for so long.
    """
    assert child.stdout is not None
    still, before = 0, 0
    with selectors.PollSelector() as ready:
        ready.register(child.stdout, selectors.EVENT_READ)
        while True:
            if patience is not None and not ready.select(1.0):
                # Counted in looks: time that we ourselves were stopped for, or asleep, is not the child's.
                still, before = still + 1 if feeder.waits and feeder.written == before else 0, feeder.written
                if still >= patience:
                    raise ProgramFailed(
                        f"{name} stands still: it has taken nothing and written nothing for {lasted(patience)}.",
                        hint="look at it with ps: was it stopped?",
                    )
                continue
            still = 0
            block = os.read(child.stdout.fileno(), _BLOCK)
            if not block:
                return
            yield block


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
