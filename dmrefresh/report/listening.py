"""What a run tells is passed on, and what its report needs of it is kept."""

from __future__ import annotations

from dmrefresh.observer import Observer
from dmrefresh.stopwatch import Stopwatch


class Listening(Observer):
    """Passes on everything to another observer; of what it hears the warnings stay, and the last attempt's stopwatch.

    Args:
        other: who is told.

    Attributes:
        warnings: so far, each once.
        stopwatch: of the last attempt that has begun; None before the first.
    """

    def __init__(self, other: Observer) -> None:
        self.other = other
        self.warnings: list[str] = []
        self.stopwatch: Stopwatch | None = None

    def note(self, message: str) -> None:
        """See Observer."""
        self.other.note(message)

    def warn(self, message: str) -> None:
        """See Observer."""
        if message not in self.warnings:
            self.warnings.append(message)
        self.other.warn(message)

    def progress(self, table: str, rows: int) -> None:
        """See Observer."""
        self.other.progress(table, rows)

    def passed(self, table: str, rows: int) -> None:
        """See Observer."""
        self.other.passed(table, rows)

    def step(self, name: str) -> None:
        """See Observer."""
        self.other.step(name)

    def watch(self, stopwatch: Stopwatch, size: int | None) -> None:
        """See Observer."""
        self.stopwatch = stopwatch
        self.other.watch(stopwatch, size)
