"""Writes to a stream that somebody may have ceased to empty, without a wait that nothing ends."""

from __future__ import annotations

import os
import select
from typing import TextIO

from dmrefresh.machine import signals

_PATIENCE = 10.0
"""Seconds in which a stream must take something, once it is settled how the run ends."""
_PIECE = 1000
"""Characters: no more bytes than a pipe takes without a wait where it takes any (PIPE_BUF in pipe(7))."""


def write(stream: TextIO, text: str, *, at_leisure: bool = False) -> None:
    """Write a text, and have it written at once.

    Whoever does not read holds a run up, as any program; a signal or the deadline ends that. Once it is settled how
    the run ends, none does: then the stream is given up, and whatever else is written to it is written to nowhere.

    Args:
        stream: where to.
        text: with its line feed.
        at_leisure: it is left out where it would have to wait.

    Raises:
        OSError, ValueError: it cannot be written.
    """
    for start in range(0, len(text), _PIECE):
        if (at_leisure or signals.settled()) and not _takes(stream, 0 if at_leisure else _PATIENCE):
            if not at_leisure:
                _give_up(stream)
            return
        stream.write(text[start : start + _PIECE])
        stream.flush()


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
