"""The values of a column as numbers that compare as PostgreSQL compares them, many at once.

Each value is read as pg_dump writes it, after COPY's escapes are undone. What Arrow does not read (years beyond 9999 or
before Christ, zones that are off by seconds) is read one by one.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, cast

import numpy as np
import pyarrow as pa

from sanitisers.engine.alphabets import table_of
from sanitisers.engine.grid import BACKSLASH, binary_array, buffer_of, end_to_end
from sanitisers.engine.spans import in_values, windows
from sanitisers.engine.values import Values

if TYPE_CHECKING:
    from collections.abc import Callable

    from sanitisers.engine.grid import Pieces
    from sanitisers.engine.values import Positions


FIRST_YEAR, LAST_YEAR = 2, 9998
"""Of what a column can be compared with: values of other years are before or after all of it, whatever their zone."""
BEFORE_ALL, AFTER_ALL = int(np.iinfo(np.int64).min), int(np.iinfo(np.int64).max)
"""What such values are read as, and infinity: they compare with what a column can be compared with, and with nothing
else."""
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_STAMP = re.compile(
    r"(\d{4}-\d\d-\d\d[ T]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)(Z|[+-](?:0\d|1[0-5])(?::\d\d){0,2})?", re.ASCII
)
_FAR = re.compile(r"(?:\d{4,}-\d\d-\d\d(?: \d\d:\d\d:\d\d(?:\.\d{1,6})?(?:[+-]\d\d(?::\d\d){0,2})?)?)( BC)?", re.ASCII)
_USUAL = table_of(b"\\bfnrtv")
"""What pg_dump writes behind a backslash."""
_HYPHENS = np.array([letter == "-" for letter in "00000000-0000-0000-0000-000000000000"])
_HEXADECIMAL = table_of(b"0123456789abcdef")
_EPOCH = datetime(1970, 1, 1)
_MICROSECOND = timedelta(microseconds=1)


class Odd(Exception):
    """A value is not written as its type is.

    Attributes:
        index: which, from 0.
    """

    def __init__(self, index: int) -> None:
        self.index = index
        super().__init__(index)


def oddly_escaped(values: Values) -> Positions:
    """The indexes of the values, in the order of their starts, with escapes that pg_dump does not write."""
    marks = np.flatnonzero(values.buffer == BACKSLASH)
    odd = marks[~_USUAL.take(values.buffer.take(marks + 1, mode="clip"))]
    return in_values(values, odd)[1]


def texts(values: Values) -> Pieces:
    """The values as an Arrow array."""
    if not len(values.starts) or (values.starts[0] == 0 and np.array_equal(values.starts[1:], values.ends[:-1])):
        return _array(values)
    # Those that had escapes lie behind all others.
    order = np.argsort(values.starts, kind="stable")
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    array = _array(end_to_end(Values(values.buffer, values.starts.take(order), values.ends.take(order))))
    return array.take(pa.array(back, pa.int64()))


def _array(values: Values) -> Pieces:
    """Values that lie end to end as an Arrow array, without a copy."""
    offsets = np.append(np.zeros(1, np.int64), values.ends)
    return binary_array(offsets if len(values.buffer) >= 2**30 else offsets.astype(np.int32), buffer_of(values.buffer))


def uuids(values: Values) -> Pieces:
    """The values as an Arrow array; each UUID is written in the one way that the server writes it."""
    fits = values.ends - values.starts == len(_HYPHENS)
    whole = np.flatnonzero(fits)
    if len(whole):
        letters = windows(values.buffer, values.starts.take(whole), len(_HYPHENS))
        fits[whole] = np.where(_HYPHENS, letters == ord("-"), _HEXADECIMAL.take(letters)).all(axis=1)
    if not fits.all():
        raise Odd(int(np.argmin(fits)))
    return texts(values)


def booleans(values: Values) -> Positions:
    """1 for true, 0 for false."""
    first = values.buffer.take(values.starts, mode="clip")
    odd = np.flatnonzero((values.ends - values.starts != 1) | ((first != ord("t")) & (first != ord("f"))))
    if len(odd):
        raise Odd(int(odd[0]))
    return cast("Positions", (first == ord("t")).astype(np.int64))


def integers(values: Values) -> Positions:
    """The numbers themselves."""
    return _read(values, pa.int64(), integer)


def days(values: Values) -> Positions:
    """Days since 1970."""
    return _moments(values, pa.date32(), day)


def stamps(values: Values) -> Positions:
    """Microseconds since 1970, by the clock."""
    return _moments(values, pa.timestamp("us"), stamp)


def stamps_in_zones(values: Values) -> Positions:
    """Microseconds since 1970."""
    return _moments(values, pa.timestamp("us", "UTC"), stamp_in_zone)


def integer(text: str) -> int:
    """An integer; raises ValueError."""
    if re.fullmatch(r"[+-]?[0-9]+", text) is None or not BEFORE_ALL <= int(text) <= AFTER_ALL:
        raise ValueError
    return int(text)


def day(text: str) -> int:
    """The days since 1970 of an ISO date; raises ValueError."""
    if _DAY.fullmatch(text):
        return (date.fromisoformat(text) - _EPOCH.date()).days
    return _far(text)


def stamp(text: str) -> int:
    """The microseconds since 1970 of an ISO date and time without a zone; raises ValueError."""
    if _DAY.fullmatch(text):
        text += " 00:00"
    found = _STAMP.fullmatch(text)
    if found is None:
        return _far(text)
    if found[2]:
        raise ValueError
    return (datetime.fromisoformat(found[1]) - _EPOCH) // _MICROSECOND


def stamp_in_zone(text: str) -> int:
    """The microseconds since 1970 of an ISO date and time with its zone; raises ValueError."""
    found = _STAMP.fullmatch(text)
    if found is None:
        return _far(text)
    if not found[2]:
        raise ValueError
    zone = datetime.fromisoformat(f"2000-01-01 00:00{found[2]}").utcoffset()
    assert zone is not None
    return (datetime.fromisoformat(found[1]) - _EPOCH - zone) // _MICROSECOND


def _far(text: str) -> int:
    """Infinity, and what is further away than anything that it can be compared with; raises ValueError."""
    far = _FAR.fullmatch(text)
    if text == "infinity" or (far and not far[1] and text[4] != "-"):
        return AFTER_ALL
    if text == "-infinity" or (far and far[1]):
        return BEFORE_ALL
    raise ValueError


def _moments(values: Values, type: pa.DataType, one: Callable[[str], int]) -> Positions:
    """Dates and times; infinity, which Arrow does not know and many columns hold, is set aside first."""
    lengths = values.ends - values.starts
    minus = values.buffer.take(values.starts, mode="clip") == ord("-")
    letter = values.buffer.take(values.starts + minus, mode="clip") == ord("i")
    infinite = letter & (lengths == len("infinity") + minus)
    if not infinite.any():
        return _read(values, type, one)
    found = np.where(minus, BEFORE_ALL, AFTER_ALL)
    others = np.flatnonzero(~infinite)
    try:
        found[others] = _read(Values(values.buffer, values.starts[others], values.ends[others]), type, one)
    except Odd as odd:
        raise Odd(int(others[odd.index])) from None
    return found


def _read(values: Values, type: pa.DataType, one: Callable[[str], int]) -> Positions:
    """What Arrow reads; where there is anything that it does not, each value by itself."""
    raw = texts(values)
    written = raw.view(pa.large_string() if pa.types.is_large_binary(raw.type) else pa.string())
    try:
        read = written.cast(type)
    except pa.ArrowInvalid:  # whose message has the value in it
        return np.array([_one(one, value, index) for index, value in enumerate(raw.to_pylist())], np.int64)
    numbers = read.view(pa.int32() if pa.types.is_date32(type) else pa.int64()).to_numpy()
    return cast("Positions", numbers.astype(np.int64))


def _one(one: Callable[[str], int], value: bytes | None, index: int) -> int:
    assert value is not None, "NULL was left out"
    try:
        return one(value.decode("ascii"))
    except ValueError:
        raise Odd(index) from None
