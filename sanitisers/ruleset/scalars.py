"""Numbers of a ruleset's file that know how they were written, so that a column of texts can get them as they stand."""

from __future__ import annotations


class SpeltInt(int):
    """An integer that is written otherwise than Python writes it, such as `007`."""

    spelling: str


class SpeltFloat(float):
    """The same with decimals, such as `1.10`."""

    spelling: str


def spelt(value: object) -> str:
    """A text, a number, true or false as the file has it."""
    if isinstance(value, bool):
        return str(value).lower()
    return value.spelling if isinstance(value, SpeltInt | SpeltFloat) else str(value)
