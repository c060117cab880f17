"""How a secret, or an original value, might get out sideways."""

from __future__ import annotations

from tests.faults.row import Row

TITLE = "Secrets and personal data"

ROWS = (
    Row(
        "L5",
        "A rule's own function has a library log and warn of a value, fails in a thread, in a generator that nobody "
        "closed, or by itself; with `--debug` and without.",
        "the kind of fault and the place in the code are said; no text of an exception, and no local variable",
    ),
)
