"""Runbooks: what people do by hand, step by step, as one page of Markdown that both they and this program read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from dmrefresh.errors import UsageFailure

_FOLDER = Path(__file__).parent

PARTS = ("What", "Why", "Done when", "Way back")
"""What every step says, in this order."""

_STEP = re.compile(r"### ([0-9]+)\. (.+)")
_PART = re.compile(rf"\*\*({'|'.join(PARTS)})\.\*\* ")


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do: its number, what it is called, and each of PARTS as paragraphs."""

    number: int
    title: str
    parts: dict[str, str]


@dataclass(frozen=True, slots=True)
class Runbook:
    """A page.

    Attributes:
        name: what it is asked for by.
        title: its heading.
        before: what stands before the steps, as sections of a heading ("" for the first) and paragraphs.
        steps: in their order, numbered from 1.
    """

    name: str
    title: str
    before: list[tuple[str, list[str]]]
    steps: list[Step]


def known() -> list[str]:
    """The names of the runbooks there are."""
    return sorted(file.stem for file in _FOLDER.glob("*.md"))


def runbook(name: str) -> Runbook:
    """The runbook of this name.

    Raises:
        UsageFailure: there is none.
    """
    if name not in known():
        raise UsageFailure(f"There is no runbook `{name}` (known: {', '.join(known())}).")
    return parse(name, (_FOLDER / f"{name}.md").read_text(encoding="utf-8"))


def parse(name: str, text: str) -> Runbook:
    """Read a page: `# title`, sections, and under `## Steps` one `### 1. title` a step with all of PARTS.

    Raises:
        ValueError: it has another form; the message names the place.
    """
    head, found, tail = text.partition("\n## Steps\n")
    if not found:
        raise ValueError("no section `## Steps`")
    title, *sections = re.split(r"^##? ", head.removeprefix("# "), flags=re.MULTILINE)
    title, _, opening = title.partition("\n")
    before = [("", _paragraphs(opening))]
    for section in sections:
        heading, _, body = section.partition("\n")
        before.append((heading, _paragraphs(body)))
    blocks = re.split(r"^(?=### )", tail, flags=re.MULTILINE)
    if blocks[0].strip():
        raise ValueError("text between `## Steps` and the first step")
    return Runbook(name, title, before, [_step(number, block) for number, block in enumerate(blocks[1:], 1)])


def _step(number: int, block: str) -> Step:
    heading, _, body = block.partition("\n")
    found = _STEP.fullmatch(heading)
    if found is None or int(found[1]) != number:
        raise ValueError(f"the heading of step {number} is not `### {number}. …`")
    before, *pieces = _PART.split("\n" + body.strip())
    names, texts = tuple(pieces[::2]), [piece.strip() for piece in pieces[1::2]]
    if before.strip() or names != PARTS or not all(texts):
        raise ValueError(f"step {number} does not have {', '.join(PARTS)}, each with a text, in this order")
    return Step(number, found[2], dict(zip(names, texts, strict=True)))


def _paragraphs(text: str) -> list[str]:
    """Paragraphs and items of lists (which begin with `- `), each on one line."""
    pieces = re.split(r"\n\s*\n|\n(?=- )", text.strip())
    return [" ".join(piece.split()) for piece in pieces if piece.strip()]
