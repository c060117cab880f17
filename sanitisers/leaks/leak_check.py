"""Looks for what rules replace in what is kept: originals that would be published in another place.

While rows are sanitised, keyed hashes are remembered of what tells a person (see `traces`) in the originals of all
rules and in every text that stays as it is. At the end of the dump the two are held against each other, so the order
of tables does not matter. What many people share is no leak, and neither is what nobody has:

- an original that stands in its column in more than COMMON_ROWS rows, and in more than one row of COMMON_SHARE: a
  placeholder, whatever it reads. Whoever stands in a log that often has a row of their own elsewhere, which counts;
- what equals an entry of a pool in use or a constant of the ruleset: the fakes of an earlier refresh, say;
- numbers that are in both by chance, neither of them written as a telephone number is (see `chance`): of these is only
  warned;
- what forms are filled in with where there is nothing to say, or nobody to name (see `placeholders`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from sanitisers.engine.chance import expected, is_chance
from sanitisers.engine.document_texts import appended
from sanitisers.engine.prf import ColumnCmac, derive_key
from sanitisers.engine.sightings import Sightings
from sanitisers.engine.traces import BARE, KINDS, find_traces
from sanitisers.engine.values import Values
from sanitisers.leaks.counting import counted
from sanitisers.leaks.placeholders import NOBODYS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from sanitisers.engine.grid import Flags
    from sanitisers.engine.values import Positions, Words
    from sanitisers.leaks.looking import Place

COMMON_ROWS = 50
COMMON_SHARE = 100
_ODD = np.uint64(0x9E3779B97F4A7C15)
"""Spreads small numbers over all bits."""
_BUCKETS = 1 << 16
_NAMED = 3
"""Origins that one leak names."""


@dataclass(frozen=True, slots=True)
class Leak:
    """Originals that stand in a text that is kept. It never holds one of them.

    Attributes:
        where: the column, or the path in a document, that is kept.
        kind: what they are.
        values: how many different ones.
        times: how often they stand there.
        origins: the columns or paths whose rule replaces them.
    """

    where: str
    kind: str
    values: int
    times: int
    origins: tuple[str, ...]

    def __str__(self) -> str:
        origins = ", ".join(self.origins[:_NAMED]) + (", …" if len(self.origins) > _NAMED else "")
        times = "once" if self.times == 1 else f"{self.times:,} times"
        return f"{self.where}: {counted(self.values, self.kind)} of {origins}, {times}"


@dataclass(frozen=True, slots=True)
class Compared:
    """What was held against each other.

    Attributes:
        originals: different traces in what rules replace.
        kept: different traces in what stays.
        one_in: where there were too many to be held, one in so many was; else 1.
    """

    originals: int
    kept: int
    one_in: int


class LeakCheck:
    """Remembers what it is shown, see Reader in `looking`, and compares it at the end."""

    def __init__(self, key: bytes, note: Callable[[Words, Positions, Positions], None] | None = None) -> None:
        """Take the key of the run; and where the comparing is left to somebody else, what tells it what is seen."""
        self._cmac = ColumnCmac(derive_key(key, "leak check"))
        self._sightings = Sightings()
        self._note = note or self.add

    def add(self, hashes: Words, places: Positions, kinds: Positions) -> None:
        """Remember traces, each with the number of its place and of its kind; some may have been read elsewhere."""
        self._sightings.add(hashes, places * len(KINDS) + kinds)

    def read(self, values: Values, places: Positions, rows: Positions, flags: Flags) -> None:
        """See Reader."""
        original, common = flags.T
        traces = find_traces(self._cmac, values, np.flatnonzero(~common.take(places)))
        own = places.take(traces.owners)
        counts = traces.telling | ~original.take(own)
        counts[_again(traces.hashes, own, rows.take(traces.owners), np.flatnonzero(counts & original.take(own)))] = (
            False
        )
        self._note(traces.hashes[counts], own[counts], traces.kinds[counts])

    def verdict(
        self, places: Sequence[Place], rows: Mapping[str, int], fakes: Iterable[str]
    ) -> tuple[Compared, list[Leak], list[Leak]]:
        """Compare what was read, and forget it: gives leaks, and what may be one but is seen by chance as often.

        `places` are those that there are, by their numbers, `rows` those of each table, `fakes` the texts that rules
        write. Leaks come in the order of their places.
        """
        seen, thinned = self._sightings.seen(), self._sightings.thinned
        self._sightings = Sightings()
        parts: dict[bool, list[_Part]] = {False: [], True: []}
        for number in sorted(seen):
            index, kind = divmod(number, len(KINDS))
            parts[places[index].original].append(_Part(places[index], KINDS[kind], *seen[number]))
        kept, everything = parts[False], _different(parts[False])
        compared = Compared(len(_different(parts[True])), len(everything), 1 << thinned)
        met = [one.only(_both(one.hashes, everything)).rarer_than(_limit(rows, one.place.table)) for one in parts[True]]
        met = [one for one in met if len(one.hashes)]
        if met:
            nobodys = self._hashes_of([*fakes, *NOBODYS])
            met = [one.only(np.flatnonzero(~np.isin(one.hashes, nobodys))) for one in met]
        bare = _different([one for one in parts[True] if one.kind == KINDS[BARE]])
        found: dict[bool, list[Leak]] = {False: [], True: []}
        for part, leak, bare_only in _leaks(kept, [one for one in met if len(one.hashes)]):
            chance = expected(bare, part.hashes, compared.one_in) if bare_only else 0.0
            found[is_chance(leak.values, chance)].append(leak)
        return compared, found[False], found[True]

    def _hashes_of(self, texts: Sequence[str]) -> Words:
        values = appended(Values.of([]), [text.encode() for text in texts])
        return np.unique(find_traces(self._cmac, values).hashes)


@dataclass(frozen=True, slots=True)
class _Part:
    """Traces of one kind from one place: different hashes in ascending order, and how often each was seen."""

    place: Place
    kind: str
    hashes: Words
    counts: NDArray[np.uint32]

    def only(self, which: Positions) -> _Part:
        return replace(self, hashes=self.hashes[which], counts=self.counts[which])

    def rarer_than(self, limit: int) -> _Part:
        return self.only(np.flatnonzero(self.counts <= limit))


def _again(hashes: Words, places: Positions, rows: Positions, which: Positions) -> Positions:
    """Those of `which` that their row has at their place already: a row counts once, however often it says a thing."""
    apart = rows.take(which).astype(np.uint64) << np.uint64(32) | places.take(which).astype(np.uint64)
    apart *= _ODD
    apart ^= hashes.take(which)
    # Those that share some bits with none need not be sorted.
    some = (apart & np.uint64(_BUCKETS - 1)).astype(np.int64)
    shared = np.flatnonzero(np.bincount(some, minlength=_BUCKETS).take(some) > 1)
    _, firsts = np.unique(apart.take(shared), return_index=True)
    return np.delete(which.take(shared), firsts)


def _limit(rows: Mapping[str, int], table: str) -> int:
    return max(COMMON_ROWS, rows.get(table, 0) // COMMON_SHARE)


def _different(parts: Sequence[_Part]) -> Words:
    every = np.sort(np.concatenate([np.empty(0, np.uint64), *(part.hashes for part in parts)]))
    different: Words = every[np.append(True, every[1:] != every[:-1])[: len(every)]]
    return different


def _both(hashes: Words, others: Words) -> Positions:
    """Indexes of those hashes that are among the others; both are different ones in ascending order."""
    few, many = (hashes, others) if len(hashes) <= len(others) else (others, hashes)
    if not len(few):
        return np.empty(0, np.int64)
    places = np.minimum(np.searchsorted(many, few), len(many) - 1)
    found = np.flatnonzero(many.take(places) == few)
    return found if few is hashes else places.take(found)


def _leaks(kept: Sequence[_Part], met: Sequence[_Part]) -> Iterator[tuple[_Part, Leak, bool]]:
    """Each with what is kept there, and whether nothing of it is written as telephone numbers are on either side."""
    every, sure = _different(met), _different([one for one in met if one.kind != KINDS[BARE]])
    for part in kept:
        both = part.only(_both(part.hashes, every))
        likely = _both(both.hashes, sure) if part.kind == KINDS[BARE] else np.arange(len(both.hashes))
        for here, bare in (
            (both.only(likely), False),
            (both.only(np.delete(np.arange(len(both.hashes)), likely)), True),
        ):
            if len(here.hashes):
                origins = dict.fromkeys(one.place.where for one in met if len(_both(here.hashes, one.hashes)))
                yield (
                    part,
                    Leak(here.place.where, here.kind, len(here.hashes), int(here.counts.sum()), tuple(origins)),
                    bare,
                )
