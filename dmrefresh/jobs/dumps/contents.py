"""What is in a dump, found out by reading it to its End."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

from dmrefresh.dump.events import End, Event, Head, Name, Statement, TableData
from dmrefresh.dump.judging.completeness import complete
from dmrefresh.dump.judging.course import as_pg_dump_orders
from dmrefresh.dump.judging.deciding import decide, refusal
from dmrefresh.dump.judging.policy import Action
from dmrefresh.dump.note import rows_of
from dmrefresh.observer import Observer
from dmrefresh.report.model import Contents


def contents_of(events: Iterable[Event], observer: Observer, *, refusing: bool = True) -> Contents:
    """Read a dump's events to the End.

    Args:
        events: the dump.
        observer: is told about rows.
        refusing: what a refresh would refuse is a failure; else it is noted with what was found.

    Raises:
        DumpRefused: a refresh would refuse it: a statement, or tables without data; the last in any case.
        Failure: whatever the stages before raise.
    """
    contents = Contents()
    seen: dict[Name, int] = {}
    stream = iter(events)
    head = next(stream)
    assert isinstance(head, Head), "the Head comes first"
    contents.server_version, contents.dump_version = head.server_version, head.dump_version
    contents.encoding = head.encoding
    for event in chain(head.statements, as_pg_dump_orders(head, stream) if refusing else complete(head, stream)):
        if isinstance(event, Statement):
            _count(event, contents)
        elif isinstance(event, TableData):
            seen[event.table] = seen.get(event.table, 0) + event.count
            observer.progress(str(event.table), seen[event.table])
            if event.last:
                observer.passed(str(event.table), seen[event.table])
        elif isinstance(event, End):
            contents.rows, contents.bytes, contents.said = event.rows, event.size, rows_of(event)
    contents.tables = {str(name): count for name, count in seen.items()}
    return contents


def _count(statement: Statement, contents: Contents) -> None:
    decision = decide(statement)
    if decision.action is Action.LEAVE_OUT:
        contents.left_out[statement.kind] = contents.left_out.get(statement.kind, 0) + 1
    elif decision.action is Action.REFUSE and contents.refused is None:
        contents.refused = refusal(statement)
