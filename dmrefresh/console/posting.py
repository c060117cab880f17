"""Gives lines to whoever reads standard output, from a thread of its own.

A reader that is slow, stands still or is gone neither holds up a run nor ends it.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
import time
from collections import deque
from typing import TextIO

_LEISURE = 200
"""Waiting lines, above which those that can be done without are left out."""
_MOST = 100_000
"""Waiting lines, above which all are left out: nobody reads them."""
_STILL = 3.0
"""Seconds without a byte taken, after which nothing is waited for at the end."""
_PATIENCE = 15.0
"""Seconds that are waited at the end in all."""


class Posting:
    """A thread that writes lines, and what waits for it.

    Args:
        stream: where to; nowhere if it is None, closed, or has no file.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._waiting: deque[bytes] = deque()
        self._changed = threading.Condition()
        self._closed = self._gone = False
        self._moved = time.monotonic()
        self._file: int | None = None
        if stream is not None:
            with contextlib.suppress(OSError, ValueError):
                self._file = stream.fileno()
        self._thread = threading.Thread(target=self._write, name="dmrefresh-events", daemon=True)
        if self._file is None:
            self._gone = True
        else:
            self._thread.start()

    def post(self, line: bytes, *, at_leisure: bool = False) -> None:
        """Have a line written, in its turn.

        Args:
            line: with its line feed.
            at_leisure: whether it can be left out where the reader does not keep up.
        """
        with self._changed:
            if self._gone or len(self._waiting) >= (_LEISURE if at_leisure else _MOST):
                return
            self._waiting.append(line)
            self._changed.notify_all()

    def close(self) -> None:
        """Wait until all is written, or nobody takes it any more."""
        with self._changed:
            self._closed = True
            self._moved = began = time.monotonic()
            self._changed.notify_all()
            while not self._gone:
                now = time.monotonic()
                if now - self._moved >= _STILL or now - began >= _PATIENCE:
                    return
                self._changed.wait(0.1)

    def _write(self) -> None:
        try:
            while (line := self._next()) is not None:
                self._write_all(line)
        except OSError:  # whoever has read it is gone, or the disk is full
            pass
        with self._changed:
            self._gone = True
            self._waiting.clear()
            self._changed.notify_all()

    def _next(self) -> bytes | None:
        with self._changed:
            while not self._waiting:
                if self._closed:
                    return None
                self._changed.wait()
            return self._waiting.popleft()

    def _write_all(self, line: bytes) -> None:
        assert self._file is not None
        rest = memoryview(line)
        while rest:
            try:
                rest = rest[os.write(self._file, rest) :]
            except BlockingIOError:  # whoever shares the pipe wants no write to wait; `close` is who is patient
                ready = select.poll()
                ready.register(self._file, select.POLLOUT)
                ready.poll()
            else:
                self._moved = time.monotonic()
