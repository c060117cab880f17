"""The text of a dump, beside what dump_text has."""

from __future__ import annotations

from tests.faults.row import Row

TITLE = "The text of a dump"

ROWS = (
    Row("42c", "A row has 256 MiB.", "the reader takes three times as much memory at most"),
    Row("43a", "A dump has 20,000 tables.", "the reader takes 3,000 bytes for each at most"),
)
