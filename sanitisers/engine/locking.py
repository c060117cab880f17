"""Password hashes of which some rows get one that opens with no password that anybody knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sanitisers.engine.copy_text import encode
from sanitisers.engine.deciding import Rows
from sanitisers.engine.fakes import Chosen, pool

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sanitisers.engine.deciding import Condition
    from sanitisers.engine.edits import Seen


class LockingEdit:
    """One hash where a condition is false, and another where it is true or unknown; NULL and the empty string stay."""

    spares_null = True
    spares_empty = True
    shows = True
    needs: Sequence[str] = ()

    def __init__(self, known: str, locked: str, condition: Condition) -> None:
        """Take both hashes, and what decides by the row as the dump has it."""
        self._hashes = pool([encode(known.encode()), encode(locked.encode())])
        self._condition = condition

    def pieces(self, seen: Seen) -> list[Chosen]:
        """See Edit."""
        locked = self._condition.not_false(Rows(len(seen.rows), seen.other))
        return [Chosen(self._hashes, locked[seen.rows].astype(np.int64))]
