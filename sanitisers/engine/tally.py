"""What was done to a table so far: counts, and a few fakes to look at. Never an original."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

SAMPLES = 2


@dataclass(frozen=True, slots=True)
class TableReport:
    """What was done to one table.

    Attributes:
        rows_in: rows read.
        rows_out: rows passed on.
        replaced: for each column, and for each path of a document, how many values were replaced.
        samples: for the same, up to two of the fakes.
    """

    rows_in: int
    rows_out: int
    replaced: Mapping[str, int]
    samples: Mapping[str, tuple[str, ...]]


@dataclass(slots=True)
class Tally:
    """Counts of one block, or of all blocks of a table."""

    rows_in: int = 0
    rows_out: int = 0
    replaced: dict[str, int] = field(default_factory=dict)
    samples: dict[str, list[str]] = field(default_factory=dict)
    full: frozenset[str] = frozenset()
    """Paths of which enough fakes were noted elsewhere."""

    def wants(self, path: str) -> bool:
        """Whether fakes of a path are still wanted."""
        return path not in self.full

    def count(self, path: str, replaced: int) -> None:
        """Note that values were replaced."""
        if replaced:
            self.replaced[path] = self.replaced.get(path, 0) + replaced

    def show(self, path: str, fake: str) -> None:
        """Note a fake, unless there are enough."""
        samples = self.samples.setdefault(path, [])
        if len(samples) < SAMPLES and fake not in samples:
            samples.append(fake)


class SharedTally:
    """The tally of a table, which several threads may add to."""

    def __init__(self) -> None:
        """Begin at nothing."""
        self._lock = Lock()
        self._total = Tally()

    def of_block(self) -> Tally:
        """A tally for one block, to be added when it is done."""
        with self._lock:
            samples = self._total.samples.items()
            return Tally(full=frozenset(path for path, fakes in samples if len(fakes) >= SAMPLES))

    def add(self, block: Tally) -> None:
        """Add what was done to one block."""
        with self._lock:
            total = self._total
            total.rows_in += block.rows_in
            total.rows_out += block.rows_out
            for path, replaced in block.replaced.items():
                total.count(path, replaced)
            for path, fakes in block.samples.items():
                for fake in fakes:
                    total.show(path, fake)

    def report(self) -> TableReport:
        """What was done so far."""
        with self._lock:
            total = self._total
            samples = {path: tuple(fakes) for path, fakes in total.samples.items()}
            return TableReport(total.rows_in, total.rows_out, dict(total.replaced), samples)
