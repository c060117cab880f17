"""The commands of a target: `before` a refresh, and `after` it is published."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from dmrefresh.durations import spoken
from dmrefresh.errors import PublishedButUnfinished, TargetUnfit
from dmrefresh.machine import process, signals
from dmrefresh.observer import Observer

_PASSED = ("PG", "DMREFRESH_HOOK_")
"""Beginnings of the names of the caller's variables that a hook gets, beside the few that every child gets."""

_PUBLISHED = "The target is refreshed: the new data is published."


@dataclass(frozen=True, slots=True)
class Facts:
    """What a hook is told through its environment; never where the target is, or how to get in."""

    target: str
    dump: str
    run: str
    rows: int | None = None
    report: Path | None = None

    def environment(self) -> dict[str, str]:
        """The variables; what is not known yet has none."""
        values = {
            "TARGET": self.target,
            "DUMP": self.dump,
            "RUN": self.run,
            "ROWS": self.rows,
            "REPORT": None if self.report is None else self.report.resolve(),
        }
        return {f"DMREFRESH_{name}": str(value) for name, value in values.items() if value is not None}


def before(commands: Sequence[Sequence[str]], facts: Facts, limit: timedelta, observer: Observer) -> None:
    """Run the commands in their order; the first that fails stops the refresh.

    Args:
        commands: argument lists.
        facts: what they are told.
        limit: how long each may take.
        observer: is given what they write.

    Raises:
        TargetUnfit: one failed; nothing was touched, unless by the commands themselves.
    """
    for command in commands:
        trouble = _run("before", command, facts, limit, observer)
        if trouble is not None:
            raise TargetUnfit(f"The target's {trouble}, so it is not refreshed.", hint="see what it wrote above")


def after(commands: Sequence[Sequence[str]], facts: Facts, limit: timedelta, observer: Observer) -> None:
    """Run the commands in their order, once the data is published; what follows a failing one is not run.

    Signals, which are held since the commit, end a command again.

    Args:
        commands: argument lists.
        facts: what they are told.
        limit: how long each may take.
        observer: is given what they write.

    Raises:
        PublishedButUnfinished: one failed; the message names it and those that were not run.
    """
    for number, command in enumerate(commands, 1):
        try:
            with signals.heard_again():
                trouble = _run("after", command, facts, limit, observer)
        except signals.Interrupted as interrupted:
            trouble = f"{_named('after', command)} was ended by {interrupted}"
        if trouble is not None:
            left = [Path(other[0]).name for other in commands[number:]]
            hint = f"see what it wrote above; not run: {', '.join(left)}" if left else "see what it wrote above"
            raise PublishedButUnfinished(f"The target's {trouble}.", hint=hint, state=_PUBLISHED)


def _run(when: str, command: Sequence[str], facts: Facts, limit: timedelta, observer: Observer) -> str | None:
    """Run one; returns what went wrong with it, as the end of a sentence."""
    name = Path(command[0]).name
    observer.note(f"{when}: {name}")
    environment = {k: v for k, v in process.environment(*_PASSED).items() if k != "PGPASSWORD"}
    try:
        status = process.relay(
            command,
            env=environment | facts.environment(),
            on_line=lambda line: observer.note(f"{name}: {line}"),
            timeout=limit.total_seconds(),
        )
    except subprocess.TimeoutExpired:
        return f"{_named(when, command)} did not end within {spoken(limit)}"
    except OSError as error:
        return f"{_named(when, command)} cannot be started: {error.strerror}"
    return None if status == 0 else f"{_named(when, command)} ended with {_described(status)}"


def _named(when: str, command: Sequence[str]) -> str:
    """The command by its program alone: its arguments are not for the screen."""
    return f"command `{Path(command[0]).name}` ({when})"


def _described(status: int) -> str:
    return f"exit status {status}" if status >= 0 else f"signal {-status}"
