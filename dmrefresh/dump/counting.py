"""Counts the rows of a dump on its way, by reading it as a refresh will: what cannot be read there is no backup."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from dmrefresh.dump.events import Head, Statement, TableData
from dmrefresh.dump.judging.completeness import complete
from dmrefresh.dump.judging.deciding import refusal
from dmrefresh.dump.reader import read_dump

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dmrefresh.dump.counts import Counts
    from dmrefresh.dump.text.limits import Limits


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
