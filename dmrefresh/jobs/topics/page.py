"""The form of what topics say: paragraphs and two columns, as wide as a terminal often is."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

WIDTH = 100


def paragraph(text: str) -> str:
    """Sentences, as lines."""
    return textwrap.fill(" ".join(text.split()), WIDTH)


def columns(rows: Iterable[tuple[str, str]], left: int = 0) -> str:
    """Words, and beside each what it means.

    Args:
        rows: both.
        left: how wide the words may be, before what they mean begins below them; as the longest is if 0.
    """
    listed = list(rows)
    width = left or max(len(word) for word, _ in listed)
    lines = []
    for word, meaning in listed:
        wrapped = textwrap.wrap(meaning, WIDTH - width - 4, break_long_words=False, break_on_hyphens=False) or [""]
        if len(word) > width:
            lines.append(f"  {word}")
            word = ""
        for line in wrapped:
            lines.append(f"  {word:<{width}}  {line}".rstrip())
            word = ""
    return "\n".join(lines)


def page(*parts: str) -> str:
    """The parts, with a line between any two."""
    return "\n\n".join(parts) + "\n"
