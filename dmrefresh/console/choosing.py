"""How a command shows what it does: chosen once, from its options, the environment, and where its output goes."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from enum import StrEnum
from typing import TextIO

from dmrefresh.console.actions import actions
from dmrefresh.console.lines import Lines, Quiet
from dmrefresh.console.several import Several
from dmrefresh.console.voice import Voice
from dmrefresh.errors import UsageFailure

VARIABLE = "DMREFRESH_PROGRESS"


class Manner(StrEnum):
    """How progress is shown."""

    LIVE = "live"
    """Bars that move, and a panel at the end."""
    LINES = "lines"
    """Lines with the time, at most one in ten seconds about progress."""
    NONE = "none"
    """The same without those about progress."""
    QUIET = "quiet"
    """Warnings, errors, and one line at the end."""
    JSON = "json"
    """Events for machines."""


def manner(*, quiet: bool, as_json: bool, stream: TextIO | None, environ: Mapping[str, str]) -> Manner:
    """Choose one.

    Args:
        quiet: `--quiet` was given.
        as_json: `--json` was given.
        stream: where lines go.
        environ: the environment: DMREFRESH_PROGRESS, and what says that nobody looks on, or that the terminal can
            only write lines.

    Raises:
        UsageFailure: both were given, or the environment asks for what there is not.
    """
    if quiet and as_json:
        raise UsageFailure("--quiet and --json exclude each other.", hint="leave one out")
    if quiet or as_json:
        return Manner.QUIET if quiet else Manner.JSON
    wanted = environ.get(VARIABLE, "") or "auto"
    if wanted == "auto":
        return Manner.LIVE if _can_be_live(stream, environ) else Manner.LINES
    if wanted not in (Manner.LIVE, Manner.LINES, Manner.NONE):
        raise UsageFailure(
            f"{VARIABLE} is none of auto, live, lines and none.", hint=f"set it to one of these, or unset {VARIABLE}"
        )
    return Manner.LINES if stream is None and wanted == Manner.LIVE else Manner(wanted)


def _can_be_live(stream: TextIO | None, environ: Mapping[str, str]) -> bool:
    if environ.get("TERM", "") in ("dumb", "unknown", "") or environ.get("CI", "") not in ("", "0", "false"):
        return False
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False


def voice(
    command: str,
    *,
    quiet: bool = False,
    as_json: bool = False,
    about: str = "",
    steps: Mapping[str, str] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Voice:
    """The voice of a command, in the manner that is wanted.

    Args:
        command: its name.
        quiet, as_json: options of the command.
        about: what runs, in a few words, if the name alone does not say it.
        steps: what is said at each step; as of a refresh if None.
        environ: the environment.

    Raises:
        UsageFailure: no manner can be chosen.
    """
    how = manner(quiet=quiet, as_json=as_json, stream=sys.stderr, environ=environ)
    chosen, beside = _of(how, command, about or command, steps), actions(command, environ, as_json=as_json)
    return chosen if beside is None else Several(chosen, beside)


def _of(how: Manner, command: str, about: str, steps: Mapping[str, str] | None) -> Voice:
    if how is Manner.JSON:
        from dmrefresh.console.events import Events

        return Events(command)
    if how is Manner.QUIET:
        return Quiet()
    if how is Manner.LIVE:
        from dmrefresh.console.live import Live

        return Live(about, steps=steps)
    return Lines(steps=steps, progress=how is not Manner.NONE)
