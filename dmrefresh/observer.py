"""Who is told what is going on.

The library never imports a terminal: jobs and stages talk to an `Observer`, which does nothing unless the
command line (or a test) passes one that does.
"""

from __future__ import annotations

from dmrefresh.stopwatch import Stopwatch


class Observer:
    """Is told about progress; every method does nothing here.

    What it is given never holds an original value: names of tables, counts, sizes and sentences of ours.
    """

    def note(self, message: str) -> None:
        """A step began or ended."""

    def warn(self, message: str) -> None:
        """Something a person should look at, though the run goes on."""

    def progress(self, table: str, rows: int) -> None:
        """So many rows of this table have been given to the server so far."""

    def passed(self, table: str, rows: int) -> None:
        """All rows of this table have gone by; there were so many."""

    def step(self, name: str) -> None:
        """A step is reached, by its name: of publishing, as `dmrefresh.postgres.strategies.publish` lists them; of a
        backup, `backup stored`; of a bucket, `cleaned`, `storing` and `stored`."""

    def watch(self, stopwatch: Stopwatch, size: int | None) -> None:
        """An attempt begins: how far its stages are can be read off the stopwatch, at any time and from any thread.

        Args:
            stopwatch: of this attempt, or of what is done next in it.
            size: bytes of the stored object that is read; None where one is made, which nobody knows the size of.
        """


class Keeping(Observer):
    """Keeps what it is warned of, for whoever tells it otherwise."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, message: str) -> None:
        """Keep it."""
        self.warnings.append(message)
