"""Holds a dump against the note that its backup has written into it: whose it is, and how many rows it has.

A dump without a note passes as it is. Unless it is signed nobody vouches for a note, so what one says can only add a
reason to refuse; nothing is let through for it.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from dmrefresh.dump.events import End, Head, TableData
from dmrefresh.dump.note import NoteBroken, Renamed, note_of, rows_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from dmrefresh.dump.events import Event

_NAMED = 5
"""Tables named in one message."""


def held_to_note(
    events: Iterable[Event],
    *,
    key: str | None = None,
    signed: bool = False,
    strict: bool = False,
    on_warning: Callable[[str], None] = lambda warning: None,
) -> Iterator[Event]:
    """Yield the events of a dump, as long as they are what its note says.

    Args:
        events: a dump as it was read, before anything was taken out of it.
        key: the object that it came from; None where it came from elsewhere.
        signed: whether nobody but the backup can have written the note: then it must be of this object.
        strict: it must be so in any case.
        on_warning: is told where a note that need not be is of another object.

    Raises:
        NoteBroken: the note is of another object, and must not be; or at the End, a table has other rows than it
            says. The End is not handed on then.
    """
    counted: Counter[str] = Counter()
    for event in events:
        if isinstance(event, Head):
            _check_name(event, key, on_warning, strict=signed or strict)
        elif isinstance(event, TableData):
            counted[str(event.table)] += event.count
        elif isinstance(event, End):
            said = rows_of(event)
            if said is not None:
                refuse_other_rows(key or "The dump", counted, said, "its backup counted")
        yield event


def _check_name(head: Head, key: str | None, on_warning: Callable[[str], None], *, strict: bool) -> None:
    note = note_of(head)
    if key is None or note is None or note.name in ("", key.rpartition("/")[2]):
        return
    if strict:
        raise Renamed(
            f"{key} is another backup under a new name: its note has another one.",
            hint="take the dump under the name that its backup gave it",
        )
    on_warning(f"{key} had another name when it was made: it may be older than its name says")


def refuse_other_rows(name: str, read: Mapping[str, int], said: Mapping[str, int], who: str) -> None:
    """See that a dump has the rows that it should.

    Args:
        name: what it is called in a message.
        read: the rows of each of its tables.
        said: how many there should be.
        who: who says so, for the message.

    Raises:
        NoteBroken: there are others; the message names tables and both numbers.
    """
    # What only the dump's own line names is a text that anybody may have written, so it is not repeated.
    differ = sorted(table for table in read if read[table] != said.get(table, 0))
    missing = sum(bool(count) and table not in read for table, count in said.items())
    if not differ and not missing:
        return
    named = [f"{table} has {read[table]:,}, not {said.get(table, 0):,}" for table in differ[:_NAMED]]
    more = [f"{len(differ) - _NAMED:,} more tables"] if len(differ) > _NAMED else []
    gone = [f"{missing:,} tables are not there"] if missing else []
    raise NoteBroken(
        f"{name} has other rows than {who}: {', '.join([*named, *more, *gone])}.",
        hint="do not rely on this dump: take another, or make one, and look at who wrote it",
    )
