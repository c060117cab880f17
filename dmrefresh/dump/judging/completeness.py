"""Whether a dump brings the data of every table it makes."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator

from dmrefresh.dump.events import End, Event, Head, Name, Schema, TableData
from dmrefresh.errors import DumpRefused
from dmrefresh.lists import listed


def complete(head: Head, events: Iterable[Event]) -> Iterator[Event]:
    """The events behind a Head; whatever they are, the End comes only where every table's data has.

    Raises:
        DumpRefused: tables are without.
    """
    with_rows: set[Name] = set()
    for event in events:
        if isinstance(event, TableData):
            with_rows.add(event.table)
        elif isinstance(event, End):
            refuse_partial(head.schema, with_rows)
        yield event


def refuse_partial(schema: Schema, with_rows: Container[Name]) -> None:
    """Refuse a dump without the data of some table.

    pg_dump writes a COPY for every table, also an empty one, unless it was told to leave data out. The rows of a
    partition may have come through its root.

    Args:
        schema: what the Head says.
        with_rows: the tables of which a COPY was read.

    Raises:
        DumpRefused: tables are without; the message names them.
    """

    def has_rows(name: Name) -> bool:
        if name in with_rows:
            return True
        # A child by INHERITS has rows of its own.
        return any(schema.tables[parent].partitioned and has_rows(parent) for parent in schema.tables[name].parents)

    without = [str(name) for name, table in schema.tables.items() if not table.partitioned and not has_rows(name)]
    if without:
        raise DumpRefused(
            f"The dump brings no data, not even an empty table's, for {listed(without)}.",
            hint="make it without --schema-only and --exclude-table-data",
        )
