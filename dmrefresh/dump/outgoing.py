"""What of a dump is handed on as text, for psql to load: what a refresh would execute, and nothing that psql would
read otherwise than the server.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

from dmrefresh.dump.events import End, Event, Head, Statement, TableData
from dmrefresh.dump.judging.course import as_pg_dump_orders, check_head
from dmrefresh.dump.judging.deciding import check
from dmrefresh.dump.judging.policy import Action
from dmrefresh.dump.text.encodings import codec_of
from dmrefresh.dump.text.tokens import Cursor
from dmrefresh.errors import DumpRefused

_TITLE = b"""--
-- PostgreSQL database dump
--

\\restrict %s

-- Dumped from database version %s
-- Dumped by pg_dump version %s

"""
_MARKER = b"""
--
-- PostgreSQL database dump complete
--

\\unrestrict %s

"""


def as_it_is(events: Iterable[Event]) -> Iterator[Event]:
    """The events of a dump without those of a refused one.

    Raises:
        DumpRefused: a statement is refused; if it stands before the first row, nothing was passed on.
    """
    for event in events:
        for statement in event.statements if isinstance(event, Head) else (event,):
            if isinstance(statement, Statement):
                check(statement)
        yield event


def refuse_head(head: Head) -> None:
    """Find what `by_policy` would refuse before the first row.

    Raises:
        DumpRefused: there is something.
    """
    check_head(head)
    codec = codec_of(head.encoding)
    for statement in head.statements:
        _is_kept(statement, codec, Counter())


def by_policy(events: Iterable[Event], left_out: Counter[str]) -> Iterator[Event]:
    """The events of a dump as a refresh would take them, with no comment and no header of the dump's own.

    Args:
        events: a dump.
        left_out: counts what is left out, by kind.

    Raises:
        DumpRefused: a refresh would refuse the dump, or psql would misread it; if that shows before the first row,
            nothing was passed on.
    """
    stream = iter(events)
    head = next(stream)
    assert isinstance(head, Head), "the Head comes first"
    codec, key = codec_of(head.encoding), secrets.token_hex(16).encode()
    behind = as_pg_dump_orders(head, stream)
    kept = [replace(one, lead=b"\n\n") for one in head.statements if _is_kept(one, codec, left_out)]
    kept[:1] = [replace(one, lead=_title(head, key)) for one in kept[:1]]
    yield replace(head, statements=tuple(kept))
    for event in behind:
        if isinstance(event, Statement):
            if _is_kept(event, codec, left_out):
                yield replace(event, lead=b"\n\n")
        elif isinstance(event, TableData):
            _refuse_ragged(event)
            begins = bool(event.header)
            yield replace(event, lead=b"\n\n" if begins else b"", header=_header(event, codec) if begins else b"")
        elif isinstance(event, End):
            yield replace(event, lead=_MARKER % key)


def _is_kept(statement: Statement, codec: str, left_out: Counter[str]) -> bool:
    if check(statement).action is Action.LEAVE_OUT:
        left_out[statement.kind] += 1
        return False
    _refuse_misread(statement, codec)
    return True


def _refuse_misread(statement: Statement, codec: str) -> None:
    """Refuse a routine in which psql would not see the end.

    It takes any unquoted `begin` outside parentheses in CREATE FUNCTION for the beginning of a body, also a name;
    what comes after it would not be what it seems, the rows and their backslashes included.
    """
    if statement.kind not in ("CREATE FUNCTION", "CREATE PROCEDURE"):
        return
    cursor, bodies = Cursor(statement.sql, codec), 0
    while not cursor.at_end():
        if cursor.accept("BEGIN ATOMIC") and not bodies:
            bodies += 1
        elif cursor.accept("BEGIN"):
            raise DumpRefused(
                f"The {statement.kind} at {statement.place} uses the word begin as a name; psql would misread all that "
                "follows.",
                hint="give it another name in the source; `clean-and-apply` needs no psql and takes it as it is",
            )
        elif cursor.parenthesised() is None:
            cursor.take()


def _refuse_ragged(block: TableData) -> None:
    """Rows of a table in which nothing is replaced were not looked at yet."""
    if block.columns and bytes(block.rows).count(b"\t") != block.count * (len(block.columns) - 1):
        raise DumpRefused(f"The rows of {block.table} from {block.place} on have not one value for each column.")


def _header(block: TableData, codec: str) -> bytes:
    """The COPY without a comment that may stand in it."""
    if b"--" not in block.header and b"/*" not in block.header:
        return block.header
    columns = f" ({', '.join(map(_quoted, block.columns))})" if block.columns else ""
    return f"COPY {_quoted(block.table.schema)}.{_quoted(block.table.name)}{columns} FROM stdin;\n".encode(codec)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _title(head: Head, key: bytes) -> bytes:
    return _TITLE % (key, head.server_version.encode("ascii"), head.dump_version.encode("ascii"))
