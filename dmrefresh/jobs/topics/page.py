"""The form of what topics say: paragraphs and two columns, as wide as a terminal often is."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

WIDTH = 100


def paragraph(text: str) -> str:
    """Sentences, as lines."""
    return textwrap.fill(" ".join(text.split()), WIDTH)


def columns(rows: Iterable[tuple[str, str]]) -> str:
    """Words, and beside each what it means."""
    listed = list(rows)
    width = max(len(word) for word, _ in listed)
    lines = []
    for word, meaning in listed:
        wrapped = textwrap.wrap(meaning, WIDTH - width - 4, break_long_words=False, break_on_hyphens=False) or [""]
        for line in wrapped:
            lines.append(f"  {word:<{width}}  {line}".rstrip())
            word = ""
    return "\n".join(lines)


def page(*parts: str) -> str:
    """The parts, with a line between any two."""
    return "\n\n".join(parts) + "\n"
