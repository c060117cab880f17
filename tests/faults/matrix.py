"""The fault matrix: what goes wrong, and what must come of it; `python -m tests.faults` writes it down.

Rows about the text of a dump are cases of one table (`dump_text`), of which the sentences come as well. Every other one
stands in a file of `rows` and is proved by the tests that name it: `@pytest.mark.fault("D5", "73a")`. `test_matrix`
compares.
"""

from __future__ import annotations

from tests.faults.dump_text import CASES
from tests.faults.rows import SECTIONS, text

LETTERS = {
    23: "",
    24: "",
    25: "abc",
    26: "ab",
    27: "ab",
    28: "abcd",
    29: "abcdefg",
    30: "abc",
    31: "abcdefghijk",
    32: "",
    33: "abcdefghi",
    34: "abc",
    35: "abcde",
    36: "abc",
    37: "abcd",
    38: "",
    39: "abcdef",
    40: "abcd",
    41: "",
    42: "ab",
    43: "bc",
    44: "abcd",
    45: "abc",
    46: "abcdefg",
    47: "abcde",
    48: "abcd",
    102: "",
    103: "",
    109: "",
}
"""The rows about the text of a dump, and how many cases each of them has."""

OF_THE_TEXT = [*(f"{row}{letter}" for row, letters in LETTERS.items() for letter in letters or ("",)), "D11", "D12"]


ROWS = tuple(row for _, rows in SECTIONS for row in rows)


def required() -> list[str]:
    """The ids that must be proved: by a case of the text's table, or by a test that is marked."""
    return sorted({*OF_THE_TEXT, *(row.id for row in ROWS if row.why_not is None)})


def page() -> str:
    """What docs/faults.md holds."""
    parts = [_ABOUT]
    for title, rows in SECTIONS:
        lines = {
            row.id: (row.done, row.outcome if row.why_not is None else f"not tried: {row.why_not}") for row in rows
        }
        if title == text.TITLE:
            lines |= {case.id: (case.done, _outcome(case.code)) for case in CASES}
        cells = [f"| {id} | {_cell(lines[id][0])} | {_cell(lines[id][1])} |" for id in sorted(lines, key=_order)]
        if cells:
            parts.append("\n".join([f"## {title}", "", *_HEADER, *cells]))
    return "\n\n".join(parts) + "\n"


_ABOUT = """# Faults

What goes wrong, and what comes of it. Each row is tried against real servers by the tests in `tests/faults`, and by
those elsewhere that are marked with its id; what cannot be tried says why. This page is made from their list:
`python -m tests.faults > docs/faults.md`."""

_HEADER = ("| | what is done | what comes of it |", "| --- | --- | --- |")


def _outcome(code: int) -> str:
    return f"exit {code}, nothing published" if code else "published, whole"


def _order(id: str) -> tuple[int, str]:
    return int("".join(letter for letter in id if letter.isdigit())), id


def _cell(text: str) -> str:
    """As a cell of a table in Markdown takes it."""
    text = text.replace("\n", " ").replace("|", "\\|").replace("<", "&lt;")
    first = text[0] if text.startswith("pg_") else text[0].upper()
    return first + text[1:].rstrip(".")
