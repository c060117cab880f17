"""The little Markdown that the pages are written in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

WRITTEN = "<!-- Written by `python -m documenting` from the code. Change the code, and write it again. -->"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; cells may hold Markdown, and are one line each."""
    lines = [head, ["---"] * len(head), *([cell(text) for text in row] for row in rows)]
    return "\n".join("|" + "".join(f" {text} |" if text else " |" for text in line) for line in lines)


def cell(text: str) -> str:
    """Text that stays in its cell."""
    return " ".join(text.split()).replace("|", "\\|")


def code(text: str) -> str:
    """Text as it is typed; empty where there is none."""
    return f"`{text}`" if text else ""


def block(language: str, text: str) -> str:
    """Lines as they are typed."""
    return f"```{language}\n{text.strip()}\n```"


def page(title: str, *pieces: str) -> str:
    """A whole page that nobody edits."""
    return "\n\n".join([f"# {title}", WRITTEN, *(piece.strip() for piece in pieces if piece.strip())]) + "\n"
