"""How much of a dump may be held in memory, as the settings say it."""

from __future__ import annotations

from dmrefresh.dump.text.limits import MIB, Limits
from dmrefresh.settings.model import Settings


def limits_of(settings: Settings) -> Limits:
    """How much of a dump may be held in memory, in bytes."""
    limits = settings.limits
    return Limits(limits.statement_mib * MIB, limits.row_mib * MIB, limits.head_mib * MIB)
