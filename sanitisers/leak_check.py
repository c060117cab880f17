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

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from sanitisers.engine.chance import expected, is_chance
from sanitisers.engine.document_texts import appended
from sanitisers.engine.grid import end_to_end
from sanitisers.engine.prf import ColumnCmac, Values, derive_key
from sanitisers.engine.sightings import Sightings
from sanitisers.engine.traces import BARE, KINDS, find_traces, laid_together
from sanitisers.engine.watch import NOWHERE
from sanitisers.placeholders import NOBODYS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from sanitisers.engine.prf import Positions, Words
    from sanitisers.ruleset.rules import Keep

COMMON_ROWS = 50
COMMON_SHARE = 100
SHORTEST, LONGEST = 8, 64
"""Bytes of an original that is looked for."""
AT_ONCE, AHEAD = 1 << 20, 4
"""Bytes of values that are worked off at once, and how often so many may wait for it."""
PIECE = 1 << 22
"""Bytes of a longer value that are looked at at once, so that it does not take many times its own memory."""
BESIDE = 1 << 12
"""Bytes in which a mark is looked for to cut a longer value at."""
_ODD = np.uint64(0x9E3779B97F4A7C15)
"""Spreads small numbers over all bits."""
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
        plural = ("es" if self.kind.endswith("s") else "s") if self.values != 1 else ""
        times = "once" if self.times == 1 else f"{self.times:,} times"
        return f"{self.where}: {self.values:,} {self.kind}{plural} of {origins}, {times}"


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
    """Remembers what it is shown, and compares it at the end. May be shown blocks by several threads."""

    def __init__(self, key: bytes, allowed: Mapping[str, Keep]) -> None:
        """Take the key of the run, and the columns and paths that are left alone."""
        self._cmac = ColumnCmac(derive_key(key, "leak check"))
        self._sightings = Sightings()
        self._lock = Lock()
        self._gathered: list[tuple[Values, Positions, Positions]] = []
        self._size = self._rows = 0
        # The rows need not wait for it: what is found counts at the end.
        self._worker = ThreadPoolExecutor(1, "dmrefresh-leak-check")
        self._work: deque[Future[None]] = deque()
        self._places: dict[tuple[str, str, bool], int] = {}
        self._flags = np.zeros((1, 2), np.bool_)
        """Of each place whether it is one of originals, and of what many have in common; a last one for NOWHERE."""
        self._allowed = allowed
        self.unmatched = dict.fromkeys(allowed)
        """Allowed columns and paths that nothing so far was about."""

    def original(self, table: str, path: str, *, common: bool = False) -> int:
        """The place of the originals of a column, or of a path in a document."""
        return self._place(table, path, original=True, common=common)

    def kept(self, table: str, path: str) -> int:
        """The place of what stays in a column, or at a path of a document."""
        return self._place(table, path, original=False)

    def _place(self, table: str, path: str, *, original: bool, common: bool = False) -> int:
        if self._is_allowed(table, f"{table}.{path}"):
            return NOWHERE
        place = self._places.setdefault((table, path, original), len(self._places))
        if place == len(self._flags) - 1:
            self._flags = np.concatenate((self._flags[:-1], np.array([[original, common], [False, False]])))
        return place

    def _is_allowed(self, table: str, where: str) -> bool:
        # The name of a schema and a table is no beginning of a place that counts.
        names = [name for name in self._allowed if name.startswith(f"{table}.")]
        found = [name for name in names if where == name or where.startswith((f"{name}.", f"{name}["))]
        for name in found:
            self.unmatched.pop(name, None)
        return bool(found)

    def look(self, values: Values, places: Positions | int, rows: Positions | None = None) -> None:
        """See Check."""
        lengths = values.ends - values.starts
        # Of originals only what is a trace as a whole counts, and that is never long.
        wanted = (lengths >= SHORTEST) & ((lengths <= LONGEST) | ~self._flags[:, 0].take(places)) & (places != NOWHERE)
        for index in np.flatnonzero(wanted & (lengths > PIECE)).tolist():
            self._look_in_pieces(values, index, places if isinstance(places, int) else int(places[index]))
        order = np.flatnonzero(wanted & (lengths <= PIECE))
        if not len(order):
            return
        order = order[np.argsort(values.starts.take(order), kind="stable")]
        chosen = end_to_end(Values(values.buffer, values.starts.take(order), values.ends.take(order)), apart=1)
        own = np.full(len(order), places) if isinstance(places, int) else places.take(order)
        with self._lock:
            in_rows = (order if rows is None else rows.take(order)) + self._rows
            self._rows = int(in_rows.max()) + 1
            self._gathered.append((chosen, own, in_rows))
            self._size += len(chosen.buffer)
            if self._size >= AT_ONCE:
                self._work.append(self._worker.submit(self._find, *self._taken()))
                if len(self._work) > AHEAD:
                    self._work.popleft().result()

    def _look_in_pieces(self, values: Values, index: int, place: int) -> None:
        start, end = int(values.starts[index]), int(values.ends[index])
        text = values.buffer.data
        while start < end:
            cut = min(start + PIECE, end)
            if cut < end:
                last = max(bytes(text[cut - BESIDE : cut]).rfind(mark) for mark in (b"\n", b'"', b"<", b",", b";"))
                cut -= BESIDE - 1 - last if last >= 0 else 0
            self.look(Values(values.buffer, np.array([start]), np.array([cut])), place)
            start = cut

    def _taken(self) -> tuple[Values, Positions, Positions]:
        """What was gathered, which is now taken away."""
        gathered, self._gathered, self._size = self._gathered, [], 0
        values, places, rows = zip(*gathered, strict=True)
        return laid_together(values), np.concatenate(places), np.concatenate(rows)

    def _find(self, values: Values, places: Positions, rows: Positions) -> None:
        original, common = self._flags.T
        traces = find_traces(self._cmac, values, np.flatnonzero(~common.take(places)))
        own = places.take(traces.owners)
        counts = traces.telling | ~original.take(own)
        counts[_again(traces.hashes, own, rows.take(traces.owners), np.flatnonzero(counts & original.take(own)))] = (
            False
        )
        self._sightings.add(traces.hashes[counts], (own * len(KINDS) + traces.kinds)[counts])

    def verdict(self, rows: Mapping[str, int], fakes: Iterable[str]) -> tuple[Compared, list[Leak], list[Leak]]:
        """Compare what was seen, and forget it: gives leaks, and what may be one but is seen by chance as often.

        `rows` are those of each table, `fakes` the texts that rules write. Leaks come in the order of their places.
        """
        for work in self._work:
            work.result()
        self._worker.shutdown()
        if self._gathered:
            self._find(*self._taken())
        seen, thinned = self._sightings.seen(), self._sightings.thinned
        self._sightings = Sightings()
        places = list(self._places)
        parts: dict[bool, list[_Part]] = {False: [], True: []}
        for number in sorted(seen):
            place, kind = divmod(number, len(KINDS))
            table, path, original = places[place]
            parts[original].append(_Part(table, path, KINDS[kind], *seen[number]))
        kept, everything = parts[False], _different(parts[False])
        compared = Compared(len(_different(parts[True])), len(everything), 1 << thinned)
        met = [one.only(_both(one.hashes, everything)).rarer_than(_limit(rows, one.table)) for one in parts[True]]
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

    table: str
    path: str
    kind: str
    hashes: Words
    counts: NDArray[np.uint32]

    @property
    def where(self) -> str:
        return f"{self.table}.{self.path}"

    def only(self, which: Positions) -> _Part:
        return replace(self, hashes=self.hashes[which], counts=self.counts[which])

    def rarer_than(self, limit: int) -> _Part:
        return self.only(np.flatnonzero(self.counts <= limit))


def _again(hashes: Words, places: Positions, rows: Positions, which: Positions) -> Positions:
    """Those of `which` that their row has at their place already: a row counts once, however often it says a thing."""
    apart = rows.take(which).astype(np.uint64) << np.uint64(32) | places.take(which).astype(np.uint64)
    _, firsts = np.unique(hashes.take(which) ^ apart * _ODD, return_index=True)
    return np.delete(which, firsts)


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
                origins = dict.fromkeys(one.where for one in met if len(_both(here.hashes, one.hashes)))
                yield part, Leak(here.where, here.kind, len(here.hashes), int(here.counts.sum()), tuple(origins)), bare
