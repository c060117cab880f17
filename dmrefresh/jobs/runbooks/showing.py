"""A runbook as text: the page of it, a step, and the list of its steps with what was decided about each."""

from __future__ import annotations

import textwrap

from dmrefresh.console.lines import printable
from dmrefresh.runbooks.confirmations import Entry, Record
from dmrefresh.runbooks.runbook import PARTS, Runbook, Step

_LABEL = max(map(len, PARTS)) + 2


def page(book: Runbook, width: int, first: int = 1) -> str:
    """The whole of it as text, from a step on; what stands before the steps only with the first of them."""
    parts = [*(preface(book, width) if first == 1 else []), *(shown(book, step, width) for step in book.steps)]
    return "\n\n".join(parts if first == 1 else parts[first - 1 :])


def preface(book: Runbook, width: int) -> list[str]:
    """What stands before the steps, as blocks of text."""
    blocks = [book.title]
    for heading, paragraphs in book.before:
        lines = [heading] if heading else []
        for paragraph in paragraphs:
            item = paragraph.startswith("- ")
            lines += _wrapped(paragraph, width, "  " if item else "", "    " if item else "")
        blocks.append("\n".join(lines))
    return blocks


def shown(book: Runbook, step: Step, width: int) -> str:
    """One step as text."""
    lines = [f"Step {step.number} of {len(book.steps)}: {step.title}", ""]
    for name, text in step.parts.items():
        lines += _wrapped(" ".join(text.split()), width, f"  {name:<{_LABEL}}", " " * (_LABEL + 2))
    return "\n".join(lines)


def listed(book: Runbook, record: Record | None = None) -> str:
    """The titles of the steps, with what the record says of each."""
    decided = record.decided() if record is not None else {}
    width = max((len(_decided(entry)) for entry in decided.values()), default=0)
    lines = []
    for step in book.steps:
        said = f"{_decided(decided[step.number]) if step.number in decided else '':<{width}}  " if width else ""
        note = decided[step.number].note if step.number in decided else None
        lines.append(printable(f"{step.number:>2}  {said}{step.title}" + (f" ({note})" if note else "")))
    return "\n".join(lines)


def _decided(entry: Entry) -> str:
    return f"{entry.decision} {entry.at} {entry.by}"


def _wrapped(text: str, width: int, first: str, further: str) -> list[str]:
    return textwrap.wrap(
        text,
        max(width, 40),
        initial_indent=first,
        subsequent_indent=further,
        break_long_words=False,
        break_on_hyphens=False,
    )
