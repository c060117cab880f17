"""Blocks of rows shared out among those who sanitise them: this process, and its fellows in others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from queue import LifoQueue
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from sanitisers import Sanitiser, SanitiserError
    from sanitisers.engine.table import TableSanitiser
    from sanitisers.engine.values import Bytes
    from sanitisers.fellows import Done, Making
    from sanitisers.leaks.seen import Seen

T = TypeVar("T")
WAITING = 2
"""Blocks that there are for a fellow at a time: one that it works on, and one that is at hand when that is done."""
SMALL = 1 << 14
"""Bytes of a block that is not worth the way."""


class FellowLike(Protocol):
    """A `Fellow`, wherever it is. Several threads may ask it for something."""

    def apply(self, table: str, columns: tuple[str, ...], rows: Bytes, first_row: int) -> Done | SanitiserError:
        """See `Fellow.apply`."""

    def look(self, table: str, columns: tuple[str, ...], rows: Bytes, first_row: int) -> Seen | SanitiserError:
        """See `Fellow.look`."""

    def rest(self) -> Seen:
        """See `Fellow.rest`."""


@dataclass(frozen=True, slots=True)
class Fellows:
    """Those who may sanitise beside this process.

    Attributes:
        make: make them, of what the sanitiser of this process is made of.
        begin: see SharedOut.
    """

    make: Sequence[Callable[[Making], FellowLike]] = ()
    begin: int = 0


NONE = Fellows()


class SharedOut:
    """Who sanitises the blocks of one dump; each is given to whoever has time.

    Args:
        compiled: the sanitiser of this process, which compares at the end.
        threads: blocks that are worked on at a time in this process.
        make: make the fellows.
        begin: bytes of rows after which they are made; each has to get ready first, so few rows are done without.
    """

    def __init__(
        self, compiled: Sanitiser, threads: int, make: Sequence[Callable[[], FellowLike]] = (), begin: int = 0
    ) -> None:
        self._compiled = compiled
        self._make, self._left = make, begin
        self._fellows: list[FellowLike] = []
        self._free: LifoQueue[FellowLike | None] = LifoQueue()  # a fellow is given a block as soon as it is made
        for _ in range(threads):
            self._free.put(None)

    def more(self, size: int) -> None:
        """So many bytes of rows more come; once there are enough, the fellows are made."""
        self._left -= size
        if self._make and self._left <= 0:
            self._fellows, self._make = [make() for make in self._make], ()
            for fellow in self._fellows * WAITING:
                self._free.put(fellow)

    def table(self, table: str, columns: tuple[str, ...]) -> TableRows:
        """Who sanitises the rows of a table, which have these columns in this order. Raises as `Sanitiser.table`."""
        return TableRows(self, table, columns, self._compiled.table(table, columns))

    def end(self) -> None:
        """When all rows have gone by: take what the fellows have seen and not yet told."""
        for fellow in self._fellows:
            self.take(fellow.rest())

    def take(self, seen: Seen) -> None:
        """Take what a fellow has seen."""
        self._compiled.add(seen)

    @contextmanager
    def somebody(self, rows: bytes | memoryview) -> Iterator[FellowLike | None]:
        """Whoever has time for a block, for so long; None for this process."""
        if len(rows) < SMALL:
            yield None
            return
        somebody = self._free.get()
        try:
            yield somebody
        finally:
            self._free.put(somebody)


class TableRows:
    """The rows of one table.

    Attributes:
        change: whether rules do anything to them.
        watched: whether those that do not change are looked at for leaks.
    """

    def __init__(self, shared: SharedOut, table: str, columns: tuple[str, ...], here: TableSanitiser) -> None:
        self._shared, self._table, self._columns, self._here = shared, table, columns, here
        self.change = not (here.passes or here.empties)
        self.watched = here.watched

    def apply(self, rows: bytes | memoryview, first_row: int) -> tuple[bytes | memoryview, int]:
        """What becomes of a block of UTF-8, and how many rows are left of it; raises as `TableSanitiser.apply`."""
        if not self.change:
            return self._apply(rows, first_row)
        with self._shared.somebody(rows) as fellow:
            if fellow is None:
                return self._apply(rows, first_row)
            done = _told(fellow.apply(self._table, self._columns, _array(rows), first_row))
        self._here.count(done.tally)
        self._shared.take(done.seen)
        return done.rows.data, done.tally.rows_out

    def _apply(self, rows: bytes | memoryview, first_row: int) -> tuple[bytes | memoryview, int]:
        block = self._here.apply(rows, first_row)
        return block.rows, block.count_out

    def look(self, rows: bytes | memoryview, first_row: int) -> None:
        """Look for leaks in a block of UTF-8; raises as `TableSanitiser.look`."""
        with self._shared.somebody(rows) as fellow:
            if fellow is None:
                self._here.look(rows, first_row)
                return
            seen = _told(fellow.look(self._table, self._columns, _array(rows), first_row))
        self._shared.take(seen)


def _array(rows: bytes | memoryview) -> Bytes:
    import numpy as np

    return np.frombuffer(rows, np.uint8)


def _told(said: T | SanitiserError) -> T:
    """What a fellow said, unless it refuses: then that is raised."""
    from sanitisers import SanitiserError

    if isinstance(said, SanitiserError):
        raise said
    return said
