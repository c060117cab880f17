"""How a secret, or an original value, might get out sideways."""

from __future__ import annotations

from tests.faults.row import Row

TITLE = "Secrets and personal data"

ROWS: tuple[Row, ...] = ()
