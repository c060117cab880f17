"""Dates that move: a whole column at once, the time of day and all else behind the day as it was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sanitisers.engine.fakes import Taken
from sanitisers.engine.grid import binary_array, buffer_of, end_to_end
from sanitisers.engine.spans import windows
from sanitisers.engine.values import Values

if TYPE_CHECKING:
    from sanitisers.engine.fakes import Indexes
    from sanitisers.engine.grid import Flags, Pieces
    from sanitisers.engine.prf import Keyed

_LENGTH = len("2026-01-31")
_DIGITS = np.array([0, 1, 2, 3, 5, 6, 8, 9])
_TENS = np.array([1000, 100, 10, 1])
_BEHIND = r"^[ T]\d\d:\d\d(:\d\d([.,]\d{1,9})?)?( ?(Z|UTC|GMT|[+-]\d\d(:?\d\d(:\d\d)?)?))?$"
"""A time of day and its zone, which go on as they are: whatever else stands behind a day may be anything."""
ENDLESS = frozenset({b"infinity", b"-infinity"})


@dataclass(frozen=True, slots=True)
class Shifted:
    """Dates that moved.

    Attributes:
        parts: of each, the day and what stands behind it; what has no day stays as it is, and stands in the first.
        dayless: indexes of those that are not a day of the years 1 to 9999, written as `2026-01-31`, with nothing or a
            time of day behind it.
    """

    parts: list[Taken]
    dayless: Indexes


def shift(values: Values, keyed: Keyed, days: int) -> Shifted:
    """Move each date by 1 to `days` days, forth or back."""
    found, day = _days(values)
    move = (keyed.low % np.uint64(2 * days)).astype(np.int64) - days
    move += move >= 0
    move = move.astype("m8[D]")
    first, last = np.datetime64("0001-01-01"), np.datetime64("9999-12-31")
    moved = day + move
    moved = np.where((moved < first) | (moved > last), day - move, moved)
    dayless = np.flatnonzero(~found)
    heads = pa.concat_arrays([_written(moved), _as_they_are(values, dayless)])
    indexes = np.arange(len(found))
    indexes[dayless] = len(found) + np.arange(len(dayless))
    behind = np.where(found, np.minimum(values.starts + _LENGTH, values.ends), values.ends)
    rest = _pieces(Values(values.buffer, behind, values.ends))
    return Shifted([Taken(heads, indexes), Taken(rest, np.arange(len(found)))], dayless)


def _days(values: Values) -> tuple[Flags, np.ndarray[tuple[int], np.dtype[np.datetime64]]]:
    """Which values are a day, or a day and a time, and what day; of the others any."""
    lengths = values.ends - values.starts
    found = lengths >= _LENGTH
    text = np.full((len(found), _LENGTH), ord("-"), np.uint8)
    text[:, _DIGITS] = ord("1")
    if found.any():
        text[found] = windows(values.buffer, values.starts[found], _LENGTH)
    digits = (text[:, _DIGITS] - np.uint8(ord("0"))).astype(np.int64)
    found &= (text[:, 4] == ord("-")) & (text[:, 7] == ord("-")) & (digits < 10).all(axis=1)
    longer = np.flatnonzero(lengths > _LENGTH)
    behind = _pieces(Values(values.buffer, values.starts.take(longer) + _LENGTH, values.ends.take(longer)))
    found[longer] &= pc.match_substring_regex(behind, _BEHIND).to_numpy(zero_copy_only=False)
    digits[~found] = 1
    year, month, date = digits[:, :4] @ _TENS, digits[:, 4:6] @ _TENS[2:], digits[:, 6:] @ _TENS[2:]
    found &= (year >= 1) & (month >= 1) & (month <= 12) & (date >= 1)
    months = (year - 1970).astype("M8[Y]").astype("M8[M]") + (np.clip(month, 1, 12) - 1).astype("m8[M]")
    day = months.astype("M8[D]") + (date - 1).astype("m8[D]")
    found &= day.astype("M8[M]") == months
    return found, day


def _written(days: np.ndarray[tuple[int], np.dtype[np.datetime64]]) -> Pieces:
    text = np.datetime_as_string(days, unit="D").astype(f"S{_LENGTH}")
    offsets = np.arange(len(text) + 1, dtype=np.int32) * np.int32(_LENGTH)
    return binary_array(offsets, buffer_of(text.view(np.uint8)))


def _as_they_are(values: Values, which: Indexes) -> Pieces:
    return _pieces(Values(values.buffer, values.starts.take(which), values.ends.take(which)))


def _pieces(values: Values) -> Pieces:
    together = end_to_end(values)
    offsets = (
        np.append(together.starts[:1], together.ends).astype(np.int32) if len(values.starts) else np.zeros(1, "i4")
    )
    return binary_array(offsets, buffer_of(together.buffer))
