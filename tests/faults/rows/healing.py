"""What is tried again, how often, and what then."""

from __future__ import annotations

from tests.faults.row import Row

TITLE = "What heals by itself"

ROWS: tuple[Row, ...] = ()
