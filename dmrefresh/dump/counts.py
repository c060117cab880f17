"""What is known of a dump once it has gone by."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Counts:
    """What went by; whole once the text has ended without an exception.

    Attributes:
        tables: the rows of each table, tables as rulesets write their names.
        bytes: of plain text.
        refused: why a refresh would refuse a statement of the dump, though it is whole; None where it takes each.
    """

    tables: dict[str, int] = field(default_factory=dict)
    bytes: int = 0
    refused: str | None = None

    @property
    def rows(self) -> int:
        """Of all tables."""
        return sum(self.tables.values())

    def clear(self) -> None:
        """Forget what was counted, for a new beginning."""
        self.tables.clear()
        self.bytes, self.refused = 0, None
