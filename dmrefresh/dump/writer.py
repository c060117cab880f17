"""write_dump: dump events in, the text of a dump out.

What was read and not changed is written byte for byte as it was. A run that breaks off says so in the text itself:
psql takes the end of its input for the end of a COPY, and would commit what came before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

from dmrefresh.dump.deciding import check
from dmrefresh.dump.events import End, Event, Head, Statement, TableData
from dmrefresh.dump.policy import Action

_TITLE = b"""--
-- PostgreSQL database dump
--

-- Dumped from database version %s
-- Dumped by pg_dump version %s

"""
_MARKER = b"""
--
-- PostgreSQL database dump complete
--

"""
_BROKEN_OFF = b"dmrefresh broke off here"
END_OF_ROWS = b"\\.\n"


def write_dump(events: Iterable[Event]) -> Iterator[bytes]:
    """Write a dump.

    Args:
        events: a dump: Head first, End last.

    Yields:
        Its text, in the encoding it was read in. Where the events break off, whatever the reason, a last block
        that no server accepts: as a row, or as a statement.

    Raises:
        Failure: whatever the stages before raise.
    """
    inside: TableData | None = None
    try:
        for event in events:
            if isinstance(event, Head):
                for statement in event.statements:
                    yield _statement(statement)
            elif isinstance(event, Statement):
                yield _statement(event)
            elif isinstance(event, TableData):
                if inside is None:
                    yield event.lead + event.header
                inside = None if event.last else event
                if event.rows:
                    yield bytes(event.rows)
                if event.last:
                    yield END_OF_ROWS
            else:
                yield event.lead
    except GeneratorExit:
        raise
    except BaseException:
        yield _poison(inside)
        raise


def _statement(statement: Statement) -> bytes:
    return b"%s%s;" % (statement.lead, statement.sql)


def _poison(inside: TableData | None) -> bytes:
    """What makes a server refuse what came before it, where that was one transaction."""
    row = b""
    if inside is not None:  # a field too many in a row, whatever the table
        row = b"\t".join([_BROKEN_OFF] * (len(inside.columns) + 1)) + b"\n" + END_OF_ROWS
    return b"%s\n%s;\n" % (row, _BROKEN_OFF)


def only_allowed(events: Iterable[Event], *, everything: bool, left_out: Counter[str]) -> Iterator[Event]:
    """Refuse what the policy refuses, and leave out what it leaves out, with the comments of the dump.

    Args:
        events: a dump.
        everything: leave out nothing.
        left_out: counts what is left out, by kind.

    Raises:
        DumpRefused: a statement is refused; if it stands before the first row, nothing was passed on.
    """
    for event in events:
        if isinstance(event, Head):
            kept = [s for s in event.statements if _is_kept(s, everything=everything, left_out=left_out)]
            if not everything:
                kept = [replace(s, lead=b"\n\n") for s in kept]
                kept[:1] = [replace(s, lead=_title(event)) for s in kept[:1]]
            yield replace(event, statements=tuple(kept))
        elif isinstance(event, Statement):
            if _is_kept(event, everything=everything, left_out=left_out):
                yield event if everything else replace(event, lead=b"\n\n")
        elif everything:
            yield event
        elif isinstance(event, End):
            yield replace(event, lead=_MARKER)
        else:
            yield replace(event, lead=b"\n\n" if event.header else b"")


def _is_kept(statement: Statement, *, everything: bool, left_out: Counter[str]) -> bool:
    if check(statement).action is not Action.LEAVE_OUT or everything:
        return True
    left_out[statement.kind] += 1
    return False


def _title(head: Head) -> bytes:
    return _TITLE % (head.server_version.encode("ascii"), head.dump_version.encode("ascii"))
