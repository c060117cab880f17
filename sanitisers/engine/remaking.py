"""Edits that make each value anew from itself: dates that move, numbers with noise, functions of a team's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sanitisers.engine.copy_text import NULL, encode
from sanitisers.engine.dates import ENDLESS, shift
from sanitisers.engine.fakes import Taken, pool
from sanitisers.engine.noise import move
from sanitisers.engine.refused import ValueUnfit
from sanitisers.engine.values import texts_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from sanitisers.engine.choosing import Choosing
    from sanitisers.engine.edits import Seen


@dataclass(frozen=True, slots=True)
class ShiftEdit:
    """Dates that move by up to so many days."""

    column: str
    choosing: Choosing
    days: int
    spares_null: bool = True
    spares_empty: bool = True
    shows: bool = False
    """It is near the original."""
    needs: tuple[str, ...] = ()

    def pieces(self, seen: Seen) -> list[Taken]:
        """See Edit."""
        shifted = shift(seen.originals, self.choosing.keyed(seen), self.days)
        for index, text in zip(shifted.dayless, texts_of(seen.originals, shifted.dayless), strict=True):
            if text.tobytes() not in ENDLESS:
                row = int(np.flatnonzero(seen.rows)[index])
                raise ValueUnfit(row, self.column, "it is no date of the years 1 to 9999, so it cannot be shifted")
        return shifted.parts


@dataclass(frozen=True, slots=True)
class NoiseEdit:
    """Numbers that move by up to so many per cent, and never further from 0 than `most`."""

    column: str
    choosing: Choosing
    percent: float
    most: int | None
    spares_null: bool = True
    spares_empty: bool = True
    shows: bool = False
    needs: tuple[str, ...] = ()

    def pieces(self, seen: Seen) -> list[Taken]:
        """See Edit."""
        originals = seen.originals
        texts = texts_of(originals, np.arange(len(originals.starts)))
        chances = self.choosing.keyed(seen).low.tolist()
        moved: list[bytes] = []
        for index, (text, chance) in enumerate(zip(texts, chances, strict=True)):
            number = move(text.tobytes(), chance, self.percent, self.most)
            if number is None:
                raise ValueUnfit(int(np.flatnonzero(seen.rows)[index]), self.column, "it is no number")
            moved.append(number)
        return [Taken(pool(moved), np.arange(len(moved)))]


@dataclass(frozen=True, slots=True)
class FunctionEdit:
    """What a function of the team's own makes of each value, given a source of chance that the value decides."""

    column: str
    choosing: Choosing
    call: Callable[[str, int], str | None]
    not_null: bool
    max_length: int | None
    spares_null: bool = True
    spares_empty: bool = True
    shows: bool = False
    """Nobody knows whether it made it up."""
    needs: tuple[str, ...] = ()

    def pieces(self, seen: Seen) -> list[Taken]:
        """See Edit."""
        originals = seen.originals
        keyed = self.choosing.keyed(seen)
        made: list[bytes] = []
        kept: list[bytes] = []
        texts = texts_of(originals, np.arange(len(originals.starts)))
        for index, (text, high, low) in enumerate(zip(texts, keyed.high.tolist(), keyed.low.tolist(), strict=True)):
            try:
                new = self.call(text.tobytes().decode(), high << 64 | low)
                self._check(new)
            except (Exception, SystemExit) as error:  # whose text would be printed at the end
                what = str(error) if isinstance(error, _Unfit) else f"the function failed ({type(error).__name__})"
                raise ValueUnfit(int(np.flatnonzero(seen.rows)[index]), self.column, what) from None
            made.append(NULL if new is None else encode(new.encode()))
            kept.append(b"" if new is None else new.encode())
        if seen.remains is not None:
            seen.remains.stays(kept)
        return [Taken(pool(made), np.arange(len(made)))]

    def _check(self, new: object) -> None:
        if new is None:
            if self.not_null:
                raise _Unfit("the function gave None, and the column refuses NULL")
        elif not isinstance(new, str):
            raise _Unfit(f"the function gave no text but {type(new).__name__}")
        elif "\0" in new or any("\ud800" <= letter <= "\udfff" for letter in new):
            raise _Unfit("the function gave a text with a NUL or half a surrogate pair in it")
        elif self.max_length is not None and len(new) > self.max_length:
            raise _Unfit(f"the function gave {len(new)} characters, and the column has room for {self.max_length}")


class _Unfit(Exception):
    """What a function gave does not fit the column."""
