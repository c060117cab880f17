"""The folders of past runs: where they are, what a new one is called, which of them stay, and how one is found."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dmrefresh.errors import UsageFailure
from dmrefresh.machine.folders import make_private

DATA, PAGE, STYLE = "report.json", "report.html", "report.css"
_NAME = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{8}")
_LONGEST = 64 << 20
"""Bytes of a report that are read."""


class NoSuchRun(UsageFailure):
    """There is no run of that name, or it has left no report."""


@dataclass(frozen=True, slots=True)
class Past:
    """A run that has left a report: its folder, and what the report says."""

    folder: Path
    document: Mapping[str, Any]


def new_identity() -> str:
    """A run's name: when it began (UTC), and what tells it from others of the same second."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"


def place() -> Path:
    """Where the folders of runs are, unless the settings say so; below ~ itself where this user has no home."""
    import platformdirs

    try:
        return Path(platformdirs.user_state_dir("dmrefresh")) / "runs"
    except RuntimeError:
        return Path("~/.local/state/dmrefresh/runs")


def made(folder: Path) -> Path:
    """A folder for a run, which only its owner may enter; those above it are made as well.

    Raises:
        OSError: it cannot be made.
    """
    make_private(folder)
    return folder


def prepare(folder: Path) -> None:
    """Make the folder that somebody wants a run's report in, before anything is done.

    Raises:
        UsageFailure: it cannot be made, or nothing can be written there.
    """
    why = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = error.strerror
    if why is not None or not os.access(folder, os.W_OK | os.X_OK):
        raise UsageFailure(
            f"The report cannot be written to the folder {folder}{f': {why}' if why else ''}.",
            hint="give another one with --run-dir",
        )


def sweep(own: Path, keep: int) -> None:
    """Remove all but the newest folders of runs; what else lies there stays.

    Args:
        own: the folder of the run that removes those beside it; it stays itself, whichever have begun after it.
        keep: how many stay, that one among them.
    """
    for folder in [one for one in _folders(own.parent) if one.name != own.name][keep - 1 :]:
        with contextlib.suppress(OSError):
            if folder.stat().st_uid == os.geteuid():
                shutil.rmtree(folder, ignore_errors=True)


def _folders(runs: Path) -> list[Path]:
    """The folders of runs, the newest first."""
    try:
        found = [one for one in runs.iterdir() if _NAME.fullmatch(one.name) and one.is_dir() and not one.is_symlink()]
    except OSError:
        return []
    return sorted(found, key=lambda one: one.name, reverse=True)


def past(runs: Path) -> list[Past]:
    """All runs that have left a report, the newest first."""
    found = []
    for folder in _folders(runs):
        with contextlib.suppress(NoSuchRun):
            found.append(read(folder))
    return found


def find(runs: Path, wanted: str | None) -> Past:
    """A past run.

    Args:
        runs: where the folders of runs are.
        wanted: its name or how that begins, its folder, or the file of its report; the newest if None.

    Raises:
        NoSuchRun: there is none.
    """
    if wanted is not None and ("/" in wanted or Path(wanted).exists()):
        return read(Path(wanted))
    folders = _folders(runs)
    for folder in folders:
        if wanted is None or folder.name.startswith(wanted):
            return read(folder)
    if wanted is None:
        raise NoSuchRun(f"No run has left a report in {runs}.", hint="dmrefresh clean-and-apply leaves one")
    raise NoSuchRun(f"There is no run `{wanted}` in {runs}.", hint="dmrefresh report --list shows which there are")


def read(where: Path) -> Past:
    """The report in a folder, or of a file.

    Raises:
        NoSuchRun: there is none, or it is not one of ours.
    """
    file = where / DATA if where.is_dir() else where
    hint = "name a run, its folder, or its report.json: dmrefresh report --list"
    try:
        if file.stat().st_size > _LONGEST:
            raise NoSuchRun(f"{file} is too long for the report of a run.", hint=hint)
        text = file.read_bytes()
        document = json.loads(text)
    except OSError as error:
        raise NoSuchRun(f"The report of the run cannot be read from {file}: {error.strerror}.", hint=hint) from None
    except (ValueError, RecursionError):
        raise NoSuchRun(f"{file} holds no JSON.", hint=hint) from None
    from dmrefresh.report.documents import is_one

    if not isinstance(document, dict) or not is_one(text, document):
        raise NoSuchRun(f"{file} is not the report of a run, or of another version of dmrefresh.", hint=hint)
    return Past(file.parent, document)
