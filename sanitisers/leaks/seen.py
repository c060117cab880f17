"""What was seen in some rows, for whoever compares at the end. Nothing of it is a value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sanitisers.engine.values import Positions, Words
    from sanitisers.leaks.looking import Place


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen.

    Attributes:
        places: those that there is something of.
        hashes: keyed hashes of what tells a person, see `traces`.
        where: for each hash the index of its place.
        kinds: for each hash the index of its kind.
        looks: for the index of a place, and each kind, how often something there looks personal; told at the end.
    """

    places: Sequence[Place]
    hashes: Words
    where: Positions
    kinds: Positions
    looks: Mapping[tuple[int, str], int] = field(default_factory=dict)


NOTHING = Seen([], np.empty(0, np.uint64), np.empty(0, np.int64), np.empty(0, np.int64))
