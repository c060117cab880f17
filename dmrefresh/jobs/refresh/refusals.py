"""What stands against a refresh, and how plans cut long lists and sentences for a terminal."""

from __future__ import annotations

from dataclasses import dataclass

NAMED = 5
"""How many of a kind the text names; the JSON has all."""
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Refusal:
    """What stands against a refresh; `strategy` is None where it does whichever way the data is published."""

    what: str
    hint: str | None
    exit_code: int
    strategy: str | None = None


def short(text: str) -> str:
    """The first line, no longer than a terminal takes."""
    line = text.split("\n", 1)[0]
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def listed(names: list[str]) -> str:
    """The first few names, and how many more there are."""
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")
