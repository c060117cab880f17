"""write_dump: dump events in, the text of a dump out.

What was read and not changed is written byte for byte as it was. A text that breaks off ends in what no server takes:
psql takes the end of its input for the end of a COPY, and would commit what came before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dmrefresh.dump.events import Event, Head, Statement, TableData
from dmrefresh.postgres_facts import MOST_COLUMNS

_BROKEN_OFF = b"dmrefresh broke off here"
END_OF_ROWS = b"\\.\n"

BROKEN_OFF = b"\n%s%s\n%s\n%s;\n" % (_BROKEN_OFF, b"\t" * MOST_COLUMNS, END_OF_ROWS, _BROKEN_OFF)
"""What may follow any part of a dump, cut anywhere, and makes its transaction fail: among rows one that has more
fields than any table has columns, everywhere else a statement that is none."""


def write_dump(events: Iterable[Event]) -> Iterator[bytes]:
    """Write a dump.

    Args:
        events: a dump: Head first, End last.

    Yields:
        Its text, in the encoding it was read in. Where the events break off, whatever the reason, BROKEN_OFF is
        the last of it.

    Raises:
        Failure: whatever the stages before raise.
    """
    try:
        for event in events:
            if isinstance(event, Head):
                for statement in event.statements:
                    yield _statement(statement)
            elif isinstance(event, Statement):
                yield _statement(event)
            elif isinstance(event, TableData):
                yield event.lead + event.header
                if event.rows:
                    yield bytes(event.rows)
                if event.last:
                    yield END_OF_ROWS
            else:
                yield event.lead
    except GeneratorExit:
        raise
    except BaseException:
        yield BROKEN_OFF
        raise


def _statement(statement: Statement) -> bytes:
    return b"%s%s;" % (statement.lead, statement.sql)
