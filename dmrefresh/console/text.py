"""Words and figures as every screen shows them: counts, sizes, times, and names that cannot do anything to it."""

from __future__ import annotations

import re
from collections.abc import Mapping

_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""What a name out of a dump must not do to a terminal; a line feed is left, since some messages have lines."""


def harmless(text: str) -> str:
    """Text in which nothing can move a cursor or turn around what stands beside it; it may have lines."""
    return _CONTROL.sub(_escaped, text)


def printable(line: str) -> str:
    """A line in which nothing can move a cursor, or begin another line."""
    return harmless(line.replace("\n", "\\n"))


def _escaped(control: re.Match[str]) -> str:
    code = ord(control[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def counts(by_kind: Mapping[str, int]) -> str:
    """How many of each kind, the most frequent first: `12 GRANT, 3 DROP`."""
    return ", ".join(f"{count} {kind}" for kind, count in sorted(by_kind.items(), key=lambda one: (-one[1], one[0])))


def counted(count: int, one: str, many: str | None = None) -> str:
    """A number of things: `1 table`, `1,204 tables`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def about(seconds: float) -> str:
    """How long something may still take, no more exactly than anybody can know: `25 s`, `3 min`, `1 h 20 min`."""
    if seconds < 10:
        return f"{max(round(seconds), 1)} s"
    if seconds < 90:
        return f"{round(seconds / 5) * 5} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def clock(seconds: float) -> str:
    """Seconds gone by, as a clock has them: `0:07`, `1:02:40`."""
    whole = int(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"
