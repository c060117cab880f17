"""Writes to a stream that somebody may have ceased to empty, without a wait that nothing ends."""

from __future__ import annotations

import os
import select
import threading
import time
from typing import TextIO

from dmrefresh.machine import signals

_PATIENCE = 10.0
"""Seconds in which a stream must take something, once it is settled how the run ends."""
_PIECE = 1000
"""Characters: no more bytes than a pipe takes without a wait where it takes any (PIPE_BUF in pipe(7))."""
_LOOK = 0.2
"""Seconds after which somebody who waits looks whether the end is settled by now."""
_one_at_a_time = threading.RLock()
"""So that what one thread has found free is not filled by another, and the first then waits inside of the stream."""


def write(stream: TextIO, text: str, *, at_leisure: bool = False) -> None:
    """Write a text, and have it written at once.

    Whoever does not read holds a run up, as any program; a signal or the deadline ends that. Once it is settled how
    the run ends, none does: then the stream is given up, and whatever else is written to it is written to nowhere.
    Nobody waits inside of the stream: its lock would keep all others from it, and the program from ending.

    Args:
        stream: where to.
        text: with its line feed.
        at_leisure: it is left out where it would have to wait.

    Raises:
        OSError, ValueError: it cannot be written.
    """
    if not _one_at_a_time.acquire(blocking=not at_leisure):
        return
    try:
        for start in range(0, len(text), _PIECE):
            if at_leisure and not _takes(stream, 0):
                return
            if not _waited_for(stream):
                _give_up(stream)
                return
            stream.write(text[start : start + _PIECE])
            stream.flush()
    finally:
        _one_at_a_time.release()


def _waited_for(stream: TextIO) -> bool:
    """Wait until it takes something; False where it is settled how the run ends, and it has not for so long."""
    settled: float | None = None
    while not _takes(stream, _LOOK):
        if not signals.settled():
            settled = None
            continue
        settled = settled or time.monotonic()
        if time.monotonic() - settled >= _PATIENCE:
            return False
    return True


def _takes(stream: TextIO, seconds: float) -> bool:
    """Whether it takes something within that time; a person at a terminal may stop it for as long as they like."""
    try:
        if stream.isatty():
            return True
        poll = select.poll()
        poll.register(stream.fileno(), select.POLLOUT)
    except (OSError, ValueError):  # it has no file: nobody has to empty it
        return True
    return bool(poll.poll(seconds * 1000))


def _give_up(stream: TextIO) -> None:
    """Lead it to nowhere: also what is left of a line that was broken off, which Python writes when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, stream.fileno())
    finally:
        os.close(nowhere)
