"""What a ruleset meets."""

from __future__ import annotations

from tests.faults.row import Row

TITLE = "Sanitising"

ROWS = (
    Row(
        "49",
        "A column of the dump is covered by no rule.",
        "exit 14 before the target is touched, with the lines to paste",
    ),
    Row("50", "A rule is for what is no longer in the dump.", "a warning; exit 14 with `--strict`"),
    Row(
        "51",
        "A rule fails at the last of several thousand rows, while the server takes them.",
        "exit 14 with table, column and row; neither we nor the server's log say the value, nor why; the old data",
    ),
    Row(
        "52",
        "A rule writes tabs, line ends, backslashes and what looks like the end of rows; or NULL where none may be, a "
        "NUL byte, another type, or more than fits.",
        "published letter for letter; or exit 14",
    ),
    Row(
        "53",
        "The fakes of a rule would meet in a column in which nothing comes twice.",
        "exit 14 before the target is touched",
    ),
    Row(
        "54",
        "The same original stands in several tables, documents and runs.",
        "one fake for it under one key, so that joins hold; another under another key",
    ),
    Row(
        "55",
        "Any text at all, in any family, list or document.",
        "what is escaped comes back as it was, and no fake has a letter of its original",
    ),
    Row(
        "56",
        "More than ten thousand personal values of a production are looked for after a refresh, and after two that "
        "failed.",
        "none is in the target's files (tables, indexes, statistics, write-ahead log), its log, a dump of it, the "
        "output, the report, or a temporary file",
    ),
    Row(
        "105",
        "A personal value is in a column that is kept.",
        "exit 14, never visible; with verify_first never on the target's disk",
    ),
    Row("106", "Ordinary data is the same as made-up data, or a placeholder.", "no false alarm"),
)
