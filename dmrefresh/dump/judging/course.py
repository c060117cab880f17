"""What a dump must be as a whole: pg_dump makes all tables, then brings their rows, then watches over them.

Nobody has classified the columns of a table that comes later; a trigger or a rule that comes before the rows would
be run by each of them; and what is in schemas of which the dump makes nothing is none of its business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmrefresh.dump.events import End, Name, Statement, TableData
from dmrefresh.dump.judging.completeness import refuse_partial
from dmrefresh.dump.judging.deciding import check
from dmrefresh.dump.judging.elsewhere import refuse_elsewhere
from dmrefresh.dump.judging.policy import Action
from dmrefresh.dump.text.encodings import codec_of
from dmrefresh.errors import DumpRefused

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dmrefresh.dump.events import Event, Head

_BEFORE_ROWS = frozenset({"ALTER TABLE ATTACH PARTITION", "CREATE TABLE"})
_AFTER_ROWS = frozenset({"CREATE RULE", "CREATE TRIGGER"})
_AFTER_ALL_ROWS = frozenset({"ALTER TABLE ADD CONSTRAINT", "CREATE INDEX"})
"""With the first of these, all rows have come: what is missing then is better said than met as a broken key."""
_WHOLE = "make the dump whole: without --section, --data-only, --schema-only and --statistics-only"


def as_pg_dump_orders(head: Head, events: Iterable[Event]) -> Iterator[Event]:
    """The events behind a Head, as long as they are those of a whole dump in pg_dump's order.

    Args:
        head: the dump's Head; it is looked at at once.
        events: what follows it.

    Raises:
        DumpRefused: a statement is refused, stands where pg_dump has none of its kind, or is about what the dump
            does not make; the dump makes no table, or does not bring the rows of one.
    """
    check_head(head)
    watching = next((statement for statement in head.statements if statement.kind in _AFTER_ROWS), None)
    return _behind_head(head, events, watching)


def check_head(head: Head) -> None:
    """See that a dump can be whole, by its Head.

    Raises:
        DumpRefused: a statement is refused, or is about what the dump does not make; or the dump makes no table.
    """
    codec = codec_of(head.encoding)
    for statement in head.statements:
        _is_executed(statement, head, codec)
    if not head.schema.tables:
        raise DumpRefused("The dump makes no table.", hint=_WHOLE)


def _behind_head(head: Head, events: Iterable[Event], watching: Statement | None) -> Iterator[Event]:
    codec = codec_of(head.encoding)
    with_rows: set[Name] = set()
    for event in events:
        if isinstance(event, TableData):
            if watching is not None:
                raise DumpRefused(
                    f"The dump holds a statement {watching.kind} at {watching.place}, before the rows of "
                    f"{event.table}: it would act on them.",
                    hint=_WHOLE,
                )
            with_rows.add(event.table)
        elif isinstance(event, Statement) and _is_executed(event, head, codec):
            if event.kind in _BEFORE_ROWS:
                raise DumpRefused(f"The dump holds a statement {event.kind} behind the first rows, at {event.place}.")
            if event.kind in _AFTER_ROWS:
                watching = watching or event
            elif event.kind in _AFTER_ALL_ROWS:
                refuse_partial(head.schema, with_rows)
        elif isinstance(event, End):
            refuse_partial(head.schema, with_rows)
        yield event


def _is_executed(statement: Statement, head: Head, codec: str) -> bool:
    if check(statement).action is not Action.EXECUTE:
        return False
    refuse_elsewhere(statement, head.schema, codec)
    return True
