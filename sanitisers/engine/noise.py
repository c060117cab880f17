"""Numbers that move a little, with as many decimals as they had."""

from __future__ import annotations

import math
import re

_NUMBER = re.compile(rb"(-?)([0-9]+)(?:\.([0-9]+))?")
_FLOAT = re.compile(rb"-?[0-9]+(?:\.[0-9]+)?[eE][+-]?[0-9]+")
NO_NUMBERS = frozenset({b"NaN", b"Infinity", b"-Infinity"})
_LONGEST = 4200
"""Python makes numbers of no more than 4,300 digits, and a number may get one longer."""
_STEPS = 1000
"""Into so many steps the share of a number written with an exponent is divided."""


def move(text: bytes, chance: int, percent: float, most: int | None) -> bytes | None:
    """A number moved by up to `percent` of itself, up or down.

    Args:
        text: as PostgreSQL or JSON writes it.
        chance: a random number of 64 bits.
        percent: of the number.
        most: what the number must not pass on either side of 0; from there it moves the other way.

    Returns:
        the number with as many decimals as before. NaN and infinity stay. None where the text is no number.
    """
    found = _NUMBER.fullmatch(text)
    if found is None or len(text) > _LONGEST:
        if text in NO_NUMBERS:
            return text
        return _moved_float(text, chance, percent) if _FLOAT.fullmatch(text) else None
    sign, whole, decimals = found[1], found[2], found[3] or b""
    scaled = int(whole + decimals)
    spread = int(scaled * round(percent * 100) // 10_000)
    delta = chance % (2 * spread + 1) - spread
    if most is not None and scaled + delta > most * 10 ** len(decimals):
        delta = -abs(delta)
    digits = b"%d" % (scaled + delta)
    if not decimals:
        return sign + digits
    digits = digits.rjust(len(decimals) + 1, b"0")
    return b"%b%b.%b" % (sign, digits[: -len(decimals)], digits[-len(decimals) :])


def _moved_float(text: bytes, chance: int, percent: float) -> bytes | None:
    share = (chance % (2 * _STEPS + 1) - _STEPS) / _STEPS * percent / 100
    number = float(text)
    moved = number * (1 + share)
    if not math.isfinite(moved):
        moved = number * (1 - share)
    return repr(moved).encode() if math.isfinite(moved) else None
