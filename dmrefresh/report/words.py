"""Figures and names as a person reads them on the page of a report."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_LEAST = 0.01
"""Seconds; so many digits are shown, and a rate over less is one of rounding."""
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


def plain(text: object) -> str:
    """A text in which nothing is hidden and nothing turns the text around it: such characters are spelt out."""
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", str(text))


def lines(text: str) -> str:
    """The same of a text that may have lines."""
    return "\n".join(plain(line) for line in text.split("\n"))


def count(number: float) -> str:
    """`12,345`."""
    return f"{number:,.0f}"


def signed(number: float) -> str:
    """A difference: `+1,234`, `−3`, `±0`."""
    return "±0" if not number else f"{'+' if number > 0 else '−'}{abs(number):,.0f}"


def size(number: float) -> str:
    """Bytes, in powers of a thousand: `1.2 GB`."""
    for unit, factor in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if number >= factor:
            return f"{number / factor:,.1f} {unit}"
    return f"{number:,.0f} B"


def seconds(number: float) -> str:
    """`0.04 s`, `12.3 s`, `3 min 12 s`, `2 h 05 min`."""
    if number < 1:
        return f"{number:.2f} s"
    if number < 100:
        return f"{number:.1f} s"
    minutes, rest = divmod(round(number), 60)
    hours, left = divmod(minutes, 60)
    return f"{hours} h {left:02} min" if hours else f"{minutes} min {rest:02} s"


def rate(number: float | None, length: float) -> str:
    """Bytes in so many seconds: `85.3 MB/s`; a dash where nobody weighed them, or there was no time to speak of."""
    return "–" if not number or length < _LEAST else f"{number / length / 1e6:,.1f} MB/s"


def changed(now: float, before: float) -> str:
    """How much more it is than it was: `+12 %`; a dash where that cannot be said."""
    if not before:
        return "–" if now else "±0 %"
    share = (now - before) / before * 100
    return "±0 %" if abs(share) < 0.5 else f"{'+' if share > 0 else '−'}{abs(share):,.0f} %"


def moment(text: object) -> str:
    """A point in time in ISO 8601, as `2026-11-24 02:44 UTC`; what is none stays as it is."""
    try:
        return f"{datetime.fromisoformat(str(text)).astimezone(UTC):%Y-%m-%d %H:%M UTC}"
    except ValueError:
        return plain(text)


def these(number: int, one: str, many: str | None = None) -> str:
    """`1 table`, `3 tables`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
