"""What a rule asks of a column before it is taken: that what it writes is something the column can hold."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING

from sanitisers.columns import Kind, base_type, base_word, is_hstore, kind
from sanitisers.families import FAMILIES
from sanitisers.near import did_you_mean
from sanitisers.ruleset.scalars import spelt

if TYPE_CHECKING:
    from sanitisers.columns import ColumnLike

_LIMITS = {"smallint": 2**15 - 1, "integer": 2**31 - 1, "bigint": 2**63 - 1}
_NUMERIC = re.compile(r"(?:numeric|decimal)\((\d+)(?:, ?(-?\d+))?\)")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
"""As every server reads one; Python reads more."""


class Misfit(Exception):
    """A rule cannot fit its column."""


def want_text(column: ColumnLike, what: str) -> None:
    """Raise Misfit unless any text fits the type of the column."""
    if is_hstore(column):
        raise Misfit(f"{what} does not fit type {column.type}: say what becomes of each entry, with `entries:`")
    match kind(column):
        case Kind.JSON:
            raise Misfit(f"{what} does not fit type {column.type}: say what becomes of each key, with `json:`")
        case Kind.NUMBER | Kind.OTHER:
            raise Misfit(f"{what} does not fit type {column.type}")


def want_family(column: ColumnLike, family: str) -> None:
    """Raise Misfit unless the fakes of a family fit the type of the column."""
    how, bare = FAMILIES[family], base_type(column)
    fits = (how.digits and kind(column) is Kind.NUMBER) or (how.network and bare in ("inet", "cidr"))
    if not fits and not (family == "uuid" and bare == "uuid"):
        want_text(column, f"`{family}`")


def want_room(column: ColumnLike, length: int) -> None:
    """Raise Misfit unless so many characters fit into the column."""
    if column.max_length is not None and column.max_length < length:
        raise Misfit(f"it needs {length} characters, and {column.type} has {column.max_length}")


def constant_text(column: ColumnLike, value: object) -> str:
    """A constant as the server reads it; raises Misfit where it would refuse it."""
    if kind(column) is Kind.JSON:
        return json_text(value)
    if isinstance(value, list | dict):
        raise Misfit(f"a map or a list does not fit type {column.type}")
    if base_word(column) == "boolean" and not isinstance(value, bool):
        raise Misfit(f"the value does not fit type {column.type}: it is neither true nor false")
    if kind(column) is Kind.NUMBER and (isinstance(value, bool) or not _is_number(value)):
        raise Misfit(f"the value does not fit type {column.type}: it is no number")
    if kind(column) is Kind.NUMBER:
        _want_number(column, str(value))
    text = str(value) if kind(column) is Kind.NUMBER else spelt(value)  # no server reads `0x1F` as a number before 16
    want_label(column, text)
    want_room(column, len(text))
    return text


def json_text(value: object) -> str:
    """A constant as JSON; raises Misfit where it cannot be any."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except ValueError:
        raise Misfit("JSON has no number that is infinite, or none") from None


def want_label(column: ColumnLike, text: str) -> None:
    """Raise Misfit where the column is of an enum that has other labels."""
    labels = list(getattr(column, "labels", ()))
    if column.enum and labels and text not in labels:
        raise Misfit(f"`{text}` is no value of {column.type}{did_you_mean(text, labels)}")


def _is_number(value: object) -> bool:
    return _NUMBER.fullmatch(str(value)) is not None and math.isfinite(float(str(value)))


def _want_number(column: ColumnLike, text: str) -> None:
    whole = base_type(column) in _LIMITS
    if whole and re.fullmatch(r"[+-]?[0-9]+", text) is None:
        raise Misfit(f"the value does not fit type {column.type}: it is no integer")
    if not -1 <= float(text) < 1:
        number = int(text) if whole else int(float(text))
        want_size(column, number if number > 0 or not whole else -number - 1)


def want_size(column: ColumnLike, number: int) -> None:
    """Raise Misfit where a number is further from 0 than the column can hold."""
    limit = largest(column)
    if limit is not None and abs(number) > limit:
        raise Misfit(f"it may write {abs(number):,}, and {column.type} holds numbers up to {limit:,}")


def largest(column: ColumnLike) -> int | None:
    """The largest number that fits the column, on either side of 0; None where any fits."""
    numeric = _NUMERIC.fullmatch(column.base or column.type)
    if numeric:
        return int(10 ** max(int(numeric[1]) - int(numeric[2] or 0), 0)) - 1
    return _LIMITS.get(base_type(column))
