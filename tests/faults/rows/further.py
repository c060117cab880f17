"""What belongs nowhere else."""

from __future__ import annotations

from tests.faults.row import Row

TITLE = "Further"

ROWS = (
    Row(
        "107",
        "A bucket of cleaned dumps holds a raw one, or one without our mark, changed, renamed or signed by others.",
        "exit 13 before anything of it is read",
    ),
    Row(
        "108",
        "A command after the refresh fails.",
        "exit 30: the data is new, and it is said which commands did not run",
    ),
)
