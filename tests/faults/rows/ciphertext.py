"""What is done to the encrypted object, and to the key."""

from __future__ import annotations

from tests.faults.row import Row

TITLE = "The encrypted object"

ROWS: tuple[Row, ...] = ()
