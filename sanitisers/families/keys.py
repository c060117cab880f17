"""What machines know things by: every original has one of its own."""

from __future__ import annotations

import string

from sanitisers.families.form import Family, Form, Letters, Source

HEX = "0123456789abcdef"
_UUID = "xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx"
"""RFC 9562, version 4 (5.4): a fixed digit, and one of four for the variant."""


def _uuid(_: Source) -> Form:
    return Form((Letters(tuple({"x": HEX, "y": "89ab"}.get(mark, mark) for mark in _UUID)),))


def _token(_: Source) -> Form:
    return Form((Letters((string.ascii_letters + string.digits,) * 32),))


def _hash(_: Source) -> Form:
    return Form((Letters((HEX,) * 32),))


FAMILIES = (
    Family("uuid", "a random UUID (version 4), the same for the same original", _uuid),
    Family("token", "32 letters and digits that open nothing", _token),
    Family("hash", "32 hexadecimal digits: a keyed hash, the same for the same original", _hash),
)
