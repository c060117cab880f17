"""What looks like personal data in many values at once: exactly what `detectors` finds of four kinds, and quickly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sanitisers.detectors import (
    EMAIL,
    LONGEST_DOMAIN,
    LONGEST_LOCAL,
    NATIONAL_INSURANCE,
    PHONE,
    POSTCODE,
    email_around,
    find_by_pattern,
    find_phones,
    in_plain_characters,
    without_uuids,
)
from sanitisers.engine import suspects
from sanitisers.engine.digits import Groups
from sanitisers.engine.plain_characters import in_plain_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sanitisers.detectors import Finding
    from sanitisers.engine.grid import Flags
    from sanitisers.engine.spans import Spans
    from sanitisers.engine.values import Positions, Values

KINDS = (EMAIL, PHONE, POSTCODE, NATIONAL_INSURANCE)
BESIDE = 48
"""Bytes beside a place that tell what it is: a UUID that it is part of is whole in them."""
_BEFORE, _BEHIND = 4 * (LONGEST_LOCAL + 1), 4 * (LONGEST_DOMAIN + 1)
"""The same of the @ of an address, where a character may have four."""


@dataclass(frozen=True, slots=True)
class Look:
    """Something that looks like personal data.

    Attributes:
        owner: index of the value.
        kind: what it looks like.
        text: what was found, in plain characters; never to be kept.
    """

    owner: int
    kind: str
    text: str


def find_looks(values: Values, wanted: Mapping[str, Flags] | None = None) -> Iterator[Look]:
    """All of KINDS in values that are in the order of their starts, and end in no character's midst.

    Between them, and behind the last (PADDING will do), is something else than what a word or a number may hold.
    Where `wanted` has a kind, it is looked for in those values alone.
    """
    plain = in_plain_bytes(values)
    digits = Groups.of(plain.buffer)

    def windows(kind: str, spans: Spans, before: int, behind: int) -> Iterator[tuple[int, str, int, int]]:
        only = spans.only(wanted[kind].take(spans.owners)) if wanted and kind in wanted else spans
        return _windows(plain, only, before, behind)

    for owner, text, start, end in windows(EMAIL, suspects.ats(plain), _BEFORE, _BEHIND):
        found = email_around(text, start, end)
        if found is not None:
            yield Look(owner, EMAIL, text[found.start : found.end])
    for owner, text, start, end in windows(PHONE, suspects.dialled(plain, digits), BESIDE, BESIDE):
        yield from _inside(owner, text, start, end, find_phones(without_uuids(text)))
    codes = {POSTCODE: suspects.postcodes(plain, digits), NATIONAL_INSURANCE: suspects.insured(plain, digits)}
    for kind, spans in codes.items():
        for owner, text, start, end in windows(kind, spans, BESIDE, BESIDE):
            yield from _inside(owner, text, start, end, find_by_pattern(without_uuids(text), kind))


def suspected(values: Values) -> Positions:
    """Indexes of the values that may hold any of what `detectors` finds: all that do, and some others.

    Of values see find_looks.
    """
    plain = in_plain_bytes(values)
    digits = Groups.of(plain.buffer)
    by_digits = suspects.dialled, suspects.postcodes, suspects.insured, suspects.cards, suspects.accounts
    found = (suspects.ats(plain), *(find(plain, digits) for find in by_digits))
    return np.unique(np.concatenate([spans.owners for spans in found]))


def _inside(owner: int, text: str, start: int, end: int, findings: Iterator[Finding]) -> Iterator[Look]:
    """Those that end inside: what is beside may be cut."""
    for one in findings:
        if start < one.end <= end:
            yield Look(owner, one.kind, text[one.start : one.end])


def _windows(values: Values, spans: Spans, before: int, behind: int) -> Iterator[tuple[int, str, int, int]]:
    """For each span its value, so many bytes before and behind it as text, and where in this it is."""
    buffer = values.buffer.data
    starts, ends = values.starts.take(spans.owners).tolist(), values.ends.take(spans.owners).tolist()
    places = zip(spans.owners.tolist(), spans.starts.tolist(), spans.ends.tolist(), starts, ends, strict=True)
    for owner, start, end, first, last in places:
        left = bytes(buffer[max(first, start - before) : start]).decode("utf-8", "replace")
        inner = bytes(buffer[start:end]).decode("utf-8", "replace")
        right = bytes(buffer[end : min(last, end + behind)]).decode("utf-8", "replace")
        text = in_plain_characters(left + inner + right)
        yield owner, text, len(left), len(left) + len(inner)
