"""The rows of the fault matrix, a file for each part of it.

Each file has a TITLE and its ROWS. A row is proved by the tests that name it: `@pytest.mark.fault("D5", "73a")`.
"""

from __future__ import annotations

from tests.faults.row import Row
from tests.faults.rows import (
    backups,
    cache,
    ciphertext,
    compression,
    further,
    healing,
    mutants,
    runs,
    sanitising,
    secrets,
    store,
    target,
    target_facts,
    text,
)

_IN_ORDER = (
    ciphertext,
    compression,
    text,
    sanitising,
    store,
    healing,
    cache,
    target_facts,
    target,
    runs,
    secrets,
    backups,
    further,
    mutants,
)

SECTIONS: tuple[tuple[str, tuple[Row, ...]], ...] = tuple((part.TITLE, part.ROWS) for part in _IN_ORDER)
"""Each part's title and its rows, in the order of the page."""
