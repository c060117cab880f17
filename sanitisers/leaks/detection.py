"""Counts what looks like personal data in what is kept, place by place. Nothing of a value is remembered.

What nobody has is not counted: domains that are set aside for examples (the fakes of an earlier refresh among them),
telephone numbers for drama, what forms are filled in with, and what the ruleset itself writes.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sanitisers.detectors import EMAIL, PHONE, find
from sanitisers.engine.grid import end_to_end
from sanitisers.engine.looks import KINDS, find_looks
from sanitisers.engine.values import Values
from sanitisers.families.person import DRAMA_RANGES
from sanitisers.leaks.counting import counted
from sanitisers.leaks.placeholders import NOBODYS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sanitisers.engine.grid import Flags
    from sanitisers.engine.looks import Look
    from sanitisers.engine.values import Positions
    from sanitisers.leaks.looking import Place

ENOUGH = 10_000
"""Where so many of one kind were counted, no more are: each takes its time, and somebody keeps them on purpose."""
_COUNTRY = "44"
# What Ofcom keeps for drama besides the ranges that fakes are of.
_OTHER_DRAMA = ("028 9649 6", "029 2018 0", "03069 990", "0808 157 0", "0909 879 0")


@dataclass(frozen=True, slots=True)
class Detected:
    """What looks like personal data at one place.

    Attributes:
        where: the column, or the path in a document, that is kept.
        counts: for each kind how often it is there, as far as was counted.
    """

    where: str
    counts: tuple[tuple[str, int], ...]

    def __str__(self) -> str:
        kinds = ", ".join(counted(count, kind, more=count == ENOUGH) for kind, count in self.counts)
        return f"{self.where} keeps what looks like {kinds}"


class Detection:
    """Is shown what is kept, see Reader in `looking`."""

    def __init__(self, written: Iterable[str]) -> None:
        """Take the texts that rules write. One may be the end of an address, from the @ on, that rows fill in."""
        self._written = written
        self._own: frozenset[str] | None = None
        self._counts: Counter[tuple[int, str]] = Counter()
        self._full: dict[str, list[int]] = {kind: [] for kind in KINDS}
        """For each kind the numbers of places where enough of it was counted."""

    def read(self, values: Values, places: Positions, rows: Positions, flags: Flags) -> None:
        """See Reader."""
        done = list(set.intersection(*map(set, self._full.values())))
        kept = np.flatnonzero(~(flags[:, 0].take(places) | np.isin(places, done)))
        if not len(kept):
            return
        own = places.take(kept)
        wanted = {kind: ~np.isin(own, full) for kind, full in self._full.items() if full}
        texts = Values(values.buffer, values.starts.take(kept), values.ends.take(kept))
        if len(kept) < len(places):  # most of what is shown is replaced, and need not be gone through again
            texts = end_to_end(texts, apart=1)
        for look in find_looks(texts, wanted):
            place = int(own[look.owner]), look.kind
            if self._counts[place] < ENOUGH and not self._is_nobodys(look):
                self._counts[place] += 1
                if self._counts[place] == ENOUGH:
                    self._full[look.kind].append(place[0])

    def counts(self) -> Mapping[tuple[int, str], int]:
        """For the number of each place, and each kind, how often it is there, as far as was counted."""
        return dict(self._counts)

    def add(self, counts: Mapping[tuple[int, str], int]) -> None:
        """Take what was counted elsewhere."""
        for place, count in counts.items():
            self._counts[place] = min(self._counts[place] + count, ENOUGH)

    def found(self, places: Sequence[Place]) -> list[Detected]:
        """What was found, in the order of the places, whose numbers are their indexes."""
        numbers = sorted({number for number, _ in self._counts})
        counts = {number: tuple((kind, self._counts[number, kind]) for kind in KINDS) for number in numbers}
        return [Detected(places[number].where, tuple(one for one in counts[number] if one[1])) for number in numbers]

    def _is_nobodys(self, look: Look) -> bool:
        text = _bare(look.text)
        if look.kind == PHONE:
            digits = "".join(character for character in text if character.isdigit())
            if digits in NOBODYS or _national(digits).startswith(_DRAMA):
                return True
        if self._own is None:
            self._own = frozenset(_own_texts(self._written))
        return text in self._own or (look.kind == EMAIL and text[text.rindex("@") :] in self._own)


def _own_texts(written: Iterable[str]) -> Iterable[str]:
    for text in written:
        if "@" in text:
            yield from (_bare(text[one.start : one.end]) for one in find(text))
        yield _bare(text)


def _bare(text: str) -> str:
    """A text in one spelling, without blanks."""
    return "".join(text.casefold().replace("%40", "@").split())


def _national(digits: str) -> str:
    """A number of the United Kingdom as it is dialled abroad behind the country's code; others as they are."""
    digits = digits.lstrip("0")
    return digits.removeprefix(_COUNTRY).lstrip("0") if len(digits) > len(_COUNTRY) + 8 else digits


_DRAMA = tuple(_national(start.replace(" ", "")) for start in (*DRAMA_RANGES, *_OTHER_DRAMA))
