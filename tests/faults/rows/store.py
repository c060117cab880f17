"""What S3, and the way to it, may do."""

from __future__ import annotations

from tests.faults.row import Row

TITLE = "S3, and the way to it"

ROWS: tuple[Row, ...] = ()
