"""The copies of encrypted dumps that a machine keeps."""

from __future__ import annotations

from tests.faults.row import Row

TITLE = "The cache of encrypted dumps"

ROWS: tuple[Row, ...] = ()
