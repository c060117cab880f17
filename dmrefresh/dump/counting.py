"""Counts the rows of a dump on its way, by reading it as a refresh will: what cannot be read there is no backup."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

from dmrefresh.dump.completeness import complete
from dmrefresh.dump.deciding import refusal
from dmrefresh.dump.events import Head, Statement, TableData
from dmrefresh.dump.reader import read_dump

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dmrefresh.dump.limits import Limits


@dataclass(slots=True)
class Counts:
    """What went by; whole once the text has ended without an exception.

    Attributes:
        tables: the rows of each table, tables as rulesets write their names.
        bytes: of plain text.
        refused: why a refresh would refuse the dump, though it is whole; None where it would not.
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


def counted(blocks: Iterable[bytes], counts: Counts, *, limits: Limits | None = None) -> Iterator[bytes]:
    """Yield a dump's text unchanged, and count what is in it.

    A block is passed on once the reader has been given it; the last of them only after the end marker was read.

    Args:
        blocks: the plain text, cut anywhere.
        counts: is added to.
        limits: how much may be held in memory before it is refused.

    Raises:
        DumpDamaged: the text ends before its end marker.
        DumpRefused: it cannot be read, or does not bring the rows of some table.
    """
    held: list[bytes] = []

    def noted() -> Iterator[bytes]:
        for block in blocks:
            held.append(block)
            counts.bytes += len(block)
            yield block

    try:
        events = read_dump(noted(), limits=limits)
        head = next(events)
        assert isinstance(head, Head), "the Head comes first"
        for event in chain(head.statements, complete(head, events)):
            if isinstance(event, TableData):
                table = str(event.table)
                counts.tables[table] = counts.tables.get(table, 0) + event.count
            elif isinstance(event, Statement):
                counts.refused = counts.refused or refusal(event)
            yield from held
            held.clear()
    finally:
        close = getattr(blocks, "close", None)
        if close is not None:
            close()
