"""What a ruleset meets."""

from __future__ import annotations

from tests.faults.row import Row

TITLE = "Sanitising"

ROWS = (
    Row(
        "105",
        "A personal value is in a column that is kept.",
        "exit 14, never visible; with verify_first never on the target's disk",
    ),
    Row("106", "Ordinary data is the same as made-up data, or a placeholder.", "no false alarm"),
)
