"""verify_first: everything that may refuse a dump, done once before the target sees a byte of it.

A COPY that is rolled back has left its rows in the server's write-ahead log, and maybe in its log.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dmrefresh.dump.events import Event, Head, Statement, TableData
from dmrefresh.dump.judging.deciding import check
from dmrefresh.dump.judging.policy import Action
from dmrefresh.dump.text.encodings import codec_of
from dmrefresh.errors import DumpRefused, Failure
from dmrefresh.jobs.dumps.contents import contents_of
from dmrefresh.observer import Observer


def verify(sanitised: Iterable[Event], plain: Iterable[bytes]) -> None:
    """Read a dump to its end, as publishing would, and do nothing with it.

    What only the server can know is left: whether it takes a value as a date, say, or a row as a key. Nobody is told of
    its tables: they go by again when they are loaded, and would be counted twice.

    Args:
        sanitised: what would be published.
        plain: the decrypted blocks that it is read from.

    Raises:
        Failure: publishing would end with this.
    """
    try:
        contents_of(_in_its_encoding(sanitised), Observer())
    except Failure:
        # Damage may look like anything by the time it is text; gpg's verdict, which comes last, goes first.
        for _ in plain:
            pass
        raise


def _in_its_encoding(events: Iterable[Event]) -> Iterator[Event]:
    """The same events; what the server could not read is refused."""
    codec = "utf-8"
    for event in events:
        if isinstance(event, Head):
            codec = codec_of(event.encoding)
            for statement in event.statements:
                _refuse_unreadable_statement(statement, codec)
        elif isinstance(event, Statement):
            _refuse_unreadable_statement(event, codec)
        elif isinstance(event, TableData) and not _is_readable(event.rows, codec):
            raise DumpRefused(f"Rows of {event.table} are not in the encoding that the dump says it is in.")
        yield event


def _refuse_unreadable_statement(statement: Statement, codec: str) -> None:
    if check(statement).action is Action.EXECUTE and not _is_readable(statement.sql, codec):
        raise DumpRefused(f"The dump's statement at {statement.place} is not in the encoding that the dump says.")


def _is_readable(text: bytes | bytearray | memoryview, codec: str) -> bool:
    try:
        str(text, codec)
    except UnicodeDecodeError:
        return False
    return b"\0" not in bytes(text)
