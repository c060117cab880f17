"""What stands against a refresh, and how plans cut long sentences for a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from dmrefresh.dump.events import Head
from dmrefresh.dump.judging import deciding
from dmrefresh.dump.judging.policy import Action
from dmrefresh.lists import listed

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


def left_out(head: Head) -> dict[str, int]:
    """How many statements before the first row are not executed, by kind."""
    return dict(Counter(one.kind for one in head.statements if deciding.decide(one).action is Action.LEAVE_OUT))


def said_of_left_out(counted: Mapping[str, int]) -> list[str]:
    """The line that tells of them, the most of a kind first; none where there are none."""
    sorted_by_count = sorted(counted.items(), key=lambda one: (-one[1], one[0]))
    said = listed([f"{count} {kind}" for kind, count in sorted_by_count], NAMED)
    return [f"left out of the dump: {said}"] if counted else []


def short(text: str) -> str:
    """The first line, no longer than a terminal takes."""
    line = text.split("\n", 1)[0]
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
