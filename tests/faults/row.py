"""A row of the fault matrix that tests prove which are marked with its id."""

from __future__ import annotations

from dataclasses import dataclass

OLD = "the old data, whole, for everybody who may read it; the next run clears up and succeeds"
EITHER = "`schema` and `database`: "
NONE = "exit 24; no object, no part, no process"


@dataclass(frozen=True)
class Row:
    """A row.

    Attributes:
        id: the row of the fault matrix, with a letter where that row names several things.
        done: what is done, or happens.
        outcome: what must come of it.
        why_not: why there is no test of it and cannot be one here.
    """

    id: str
    done: str
    outcome: str
    why_not: str | None = None
