"""Long lists in messages: the first few by name, and how many more there are."""

from __future__ import annotations

from collections.abc import Sequence

MOST = 10
"""How many are named, where nothing else is said."""
_MOST_LINES = 20


def listed(found: Sequence[str], most: int = MOST) -> str:
    """Names within a sentence: `a, b and 3 more`."""
    more = f" and {len(found) - most} more" if len(found) > most else ""
    return ", ".join(found[:most]) + more


def listed_apart(found: Sequence[str], most: int = MOST) -> str:
    """Descriptions that may hold commas, within a sentence: `a; b; and 3 more`."""
    more = f"; and {len(found) - most} more" if len(found) > most else ""
    return "; ".join(found[:most]) + more


def in_lines(found: Sequence[object], most: int = _MOST_LINES) -> str:
    """A line for each, indented, below a sentence that ends in a colon."""
    more = f"\n  and {len(found) - most} more" if len(found) > most else ""
    return "".join(f"\n  {one}" for one in found[:most]) + more
