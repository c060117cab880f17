"""Which value is inside which: brackets matched, and the members and items of each container."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sanitisers.engine.json_tokens import (
    CLOSE_LIST,
    CLOSE_OBJECT,
    COLON,
    OPEN_OBJECT,
    STRING,
    Documents,
    Tokens,
    Unsure,
)

if TYPE_CHECKING:
    from sanitisers.engine.grid import Flags
    from sanitisers.engine.values import Bytes, Positions

DEEPEST = 64
"""Levels of brackets; deeper documents are read another way."""


@dataclass(frozen=True, slots=True)
class Brackets:
    """Containers, by level from the outermost, each level in order.

    Attributes:
        opens: index of the opening bracket among the values.
        closes: index of the closing bracket.
        parents: index, among the containers, of the one that holds it; of the outermost -1.
        levels: where each level begins among the containers; one more, their number.
    """

    opens: Positions
    closes: Positions
    parents: Positions
    levels: list[int]


@dataclass(frozen=True, slots=True)
class Nested:
    """The values of all documents in the order in which they begin, and the ends of containers among them.

    Attributes:
        kinds: what they are: OPEN_OBJECT to STRING.
        starts: where they begin.
        ends: where they end; that of a container is behind its closing bracket.
        keyed: which have a key.
        key_starts: the opening quote of the key; of a value without one undefined.
        key_ends: behind the closing quote of the key.
        escaped: strings that hold a backslash; None where there is none.
        key_escaped: the same for the keys.
        owners: index, among the containers, of the one that holds it (or that it closes); of the outermost -1.
        brackets: the containers.
    """

    kinds: Bytes
    starts: Positions
    ends: Positions
    keyed: Flags
    key_starts: Positions
    key_ends: Positions
    escaped: Flags | None
    key_escaped: Flags | None
    owners: Positions
    brackets: Brackets


def read_values(documents: Documents, tokens: Tokens) -> Nested:
    """The values, and how they are nested. Raises Unsure for documents whose brackets or keys are out of place."""
    chosen = np.flatnonzero(tokens.kinds <= STRING)
    kinds, starts, ends = tokens.kinds.take(chosen), tokens.starts.take(chosen), tokens.ends.take(chosen)
    keyed = tokens.kinds.take(chosen - 1) == COLON
    keys = chosen - 2
    bracket = (kinds - np.uint8(OPEN_OBJECT)) < 4
    places = np.flatnonzero(bracket)
    brackets, inside = match(documents, kinds.take(places), starts.take(places))
    owners = inside.take(np.cumsum(bracket) - 1)
    opens, closes = places.take(brackets.opens), places.take(brackets.closes)
    owners[opens], owners[closes] = brackets.parents, np.arange(len(opens))
    ends[opens] = starts[closes] + 1
    object_ = np.append(kinds.take(opens) == OPEN_OBJECT, False)  # the last is what holds the outermost
    astray = (keyed != object_.take(owners)) & (kinds != CLOSE_OBJECT) & (kinds != CLOSE_LIST)
    if astray.any():
        raise Unsure(documents.holding(starts[astray]))
    escaped, key_escaped = (
        (None, None) if tokens.escaped is None else (tokens.escaped.take(chosen), tokens.escaped.take(keys))
    )
    return Nested(
        kinds,
        starts,
        ends,
        keyed,
        tokens.starts.take(keys),
        tokens.ends.take(keys),
        escaped,
        key_escaped,
        owners,
        Brackets(opens, closes, brackets.parents, brackets.levels),
    )


def match(documents: Documents, kinds: Bytes, starts: Positions) -> tuple[Brackets, Positions]:
    """The brackets in pairs, as indexes among the brackets; and for each the container that it leads into.

    Raises Unsure for documents whose brackets are not paired, or nested more than DEEPEST levels.
    """
    opening = (kinds & 1).astype(np.int64)
    depths = np.cumsum(2 * opening - 1)
    _want_balance(documents, starts, depths)
    levels = (depths + 1 - opening).astype(np.int8)
    by_level = np.argsort(levels, kind="stable")
    # On one level an opening bracket is followed by its closing one.
    opens, closes = by_level[0::2], by_level[1::2]
    crossed = kinds.take(closes) != kinds.take(opens) + 1
    if crossed.any():
        raise Unsure(documents.holding(starts[opens[crossed]]))
    of_opens = levels.take(opens)
    edges = np.searchsorted(of_opens, np.arange(1, int(of_opens[-1]) + 2)).tolist()
    parents = np.full(len(opens), -1, np.int64)
    for above, here, below in zip(edges, edges[1:], edges[2:], strict=False):
        parents[here:below] = np.searchsorted(opens[above:here], opens[here:below]) - 1 + above
    inside = np.empty(len(kinds), np.int64)
    inside[opens], inside[closes] = np.arange(len(opens)), parents
    return Brackets(opens, closes, parents, edges), inside


def _want_balance(documents: Documents, starts: Positions, depths: Positions) -> None:
    """Raise Unsure unless each document is one container, from its first bracket to its last."""
    firsts = np.searchsorted(starts, documents.edges)
    lasts = firsts[1:] - 1
    bad = depths > DEEPEST
    if not bad.any() and np.array_equal(np.flatnonzero(depths == 0), lasts) and int(depths.min()) == 0:
        return
    before = np.append(0, depths[lasts[:-1]])
    own = depths - np.repeat(before, np.diff(firsts))
    bad = (own > DEEPEST) | (own < 1)
    bad[lasts] = own[lasts] != 0
    raise Unsure(documents.holding(starts[bad]))
