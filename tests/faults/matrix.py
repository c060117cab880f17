"""The fault matrix: what goes wrong, and what must come of it; `make faults` tries and writes it.

Rows about the text of a dump are cases of one table (`dump_text`), of which the sentences come as well. Every other one
stands in a file of `rows` and is proved by the tests that name it: `@pytest.mark.fault("D5", "73a")`. `test_matrix`
compares.
"""

from __future__ import annotations

from pathlib import Path

from tests.faults.dump_text import CASES
from tests.faults.recording import Run, last, said
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


def page(run: Run | None = None) -> str:
    """What docs/explanation/faults.md holds.

    Args:
        run: what happened when all of it was tried; the last time, if None.
    """
    run = run or last()
    parts = [_ABOUT]
    if run.when:
        parts.append(f"Last tried on {run.when} ({run.machine}) with `make faults`, which writes this page.")
    for title, rows in SECTIONS:
        lines = {row.id: (row.done, row.why_not and f"not tried: {row.why_not}", row.outcome) for row in rows}
        if title == text.TITLE:
            lines |= {case.id: (case.done, None, _outcome(case.code)) for case in CASES}
        if lines:
            table = [_line(run, id, *lines[id]) for id in sorted(lines, key=_order)]
            parts.append("\n".join([f"## {title}", "", *_HEADER, *table]))
    parts.append(_LONG_RUNS.read_text(encoding="utf-8").rstrip())
    return "\n\n".join(parts) + "\n"


_ABOUT = """# Faults

What goes wrong, and what comes of it. Each row is tried on real servers by the tests in `tests/faults`, and by those
elsewhere that are marked with its id: real GnuPG, SOPS, PostgreSQL and SeaweedFS, behind proxies that cut, change, hold
back and lie, with failing programs on the PATH and small disks. What cannot be tried says why."""

_LONG_RUNS = Path(__file__).with_name("long_runs.md")
"""What came of the runs that take longer than tests may, written by hand."""

_HEADER = (
    "| | what is done | what must come of it | what happened | seconds |",
    "| --- | --- | --- | --- | ---: |",
)


def _line(run: Run, id: str, done: str, why_not: str | None, outcome: str) -> str:
    happened, seconds = (why_not, "") if why_not else said(run, id)
    return f"| {id} | {_cell(done)} | {_cell(outcome)} | {_cell(happened)} | {seconds} |"


def _outcome(code: int) -> str:
    return f"exit {code}, nothing published" if code else "published, whole"


def _order(id: str) -> tuple[int, str]:
    return int("".join(letter for letter in id if letter.isdigit())), id


def _cell(text: str) -> str:
    """As a cell of a table in Markdown takes it."""
    text = text.replace("\n", " ").replace("|", "\\|").replace("<", "&lt;")
    first = text[0] if text.startswith("pg_") else text[0].upper()
    return first + text[1:].rstrip(".")
