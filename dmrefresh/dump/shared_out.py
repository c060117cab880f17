"""Blocks of rows shared out among those who sanitise them: this process, and its fellows in others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from queue import SimpleQueue
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar

if TYPE_CHECKING:
    from sanitisers import Sanitiser, SanitiserError
    from sanitisers.engine.table import TableSanitiser
    from sanitisers.engine.values import Bytes
    from sanitisers.fellows import Done, Making
    from sanitisers.leaks.seen import Seen

T = TypeVar("T")
WAITING = 2
"""Blocks that a fellow has at a time: one that it works on, and one that it goes on with."""
SMALL = 1 << 14
"""Bytes of a block that is not worth the way."""


class Somewhere(Protocol):
    """A `Fellow`, wherever it is. Several threads may ask it for something."""

    def apply(self, table: str, columns: tuple[str, ...], rows: Bytes, first_row: int) -> Done | SanitiserError:
        """See `Fellow.apply`."""

    def look(self, table: str, columns: tuple[str, ...], rows: Bytes, first_row: int) -> Seen | SanitiserError:
        """See `Fellow.look`."""

    def rest(self) -> Seen:
        """See `Fellow.rest`."""


MakesFellow: TypeAlias = Callable[["Making"], Somewhere]
"""Makes a fellow of what the sanitiser of this process is made of."""


class SharedOut:
    """Who sanitises the blocks of one dump; each is given to whoever has time.

    Args:
        compiled: the sanitiser of this process, which compares at the end.
        fellows: the others, of the same making.
        threads: blocks that are worked on at a time in this process.
    """

    def __init__(self, compiled: Sanitiser, fellows: Sequence[Somewhere], threads: int) -> None:
        self._compiled = compiled
        self._fellows = fellows
        self._free: SimpleQueue[Somewhere | None] = SimpleQueue()
        for somebody in (*fellows, *[None] * threads, *list(fellows) * (WAITING - 1)):
            self._free.put(somebody)

    def table(self, table: str, columns: tuple[str, ...]) -> Rows:
        """Who sanitises the rows of a table, which have these columns in this order. Raises as `Sanitiser.table`."""
        return Rows(self, table, columns, self._compiled.table(table, columns))

    def end(self) -> None:
        """When all rows have gone by: take what the fellows have seen and not yet told."""
        for fellow in self._fellows:
            self.take(fellow.rest())

    def take(self, seen: Seen) -> None:
        """Take what a fellow has seen."""
        self._compiled.add(seen)

    @contextmanager
    def somebody(self, rows: bytes | memoryview) -> Iterator[Somewhere | None]:
        """Whoever has time for a block, for so long; None for this process."""
        if len(rows) < SMALL:
            yield None
            return
        somebody = self._free.get()
        try:
            yield somebody
        finally:
            self._free.put(somebody)


class Rows:
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
