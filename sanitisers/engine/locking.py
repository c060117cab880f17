"""Password hashes of which some rows get one that opens with no password that anybody knows."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from sanitisers.engine.copy_text import encode
from sanitisers.engine.deciding import Rows
from sanitisers.engine.fakes import Taken, pool

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sanitisers.engine.deciding import Condition
    from sanitisers.engine.edits import Seen
    from sanitisers.engine.grid import Pieces


class HashEdit:
    """One hash for every value; NULL and the empty string stay."""

    spares_null = True
    spares_empty = True
    shows = False  # on a hash that is shown, whoever reads a report can try passwords
    needs: Sequence[str] = ()

    def __init__(self, *hashes: Callable[[], str]) -> None:
        """Take what gives the hash: it takes a while, and is asked once there are rows."""
        self._made = hashes

    @cached_property
    def hashes(self) -> Pieces:
        """The hashes in COPY text."""
        return pool([encode(made().encode()) for made in self._made])

    def pieces(self, seen: Seen) -> list[Taken]:
        """See Edit."""
        return [Taken(self.hashes, np.zeros(int(seen.rows.sum()), np.int64))]


class LockingEdit(HashEdit):
    """One hash where a condition is false, and another where it is true or unknown."""

    def __init__(self, known: Callable[[], str], locked: Callable[[], str], condition: Condition) -> None:
        """Take what gives both hashes, and what decides by the row as the dump has it."""
        super().__init__(known, locked)
        self._condition = condition

    def pieces(self, seen: Seen) -> list[Taken]:
        """See Edit."""
        locked = self._condition.not_false(Rows(len(seen.rows), seen.other))
        return [Taken(self.hashes, locked[seen.rows].astype(np.int64))]
