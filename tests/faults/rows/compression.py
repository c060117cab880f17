"""What is done to the compressed text."""

from __future__ import annotations

from tests.faults.row import Row

TITLE = "The compression"

ROWS: tuple[Row, ...] = ()
