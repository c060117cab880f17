"""Holds a dump against the note that its backup has written into it: whose it is, and how many rows it has.

A dump without a note passes as it is. Unless it is signed nobody vouches for a note, so what one says can only add a
reason to refuse; nothing is let through for it.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from dmrefresh.dump.events import End, Head, TableData
from dmrefresh.dump.note import NoteBroken, note_of, rows_of

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
    on_warning: Callable[[str], None] = lambda warning: None,
) -> Iterator[Event]:
    """Yield the events of a dump, as long as they are what its note says.

    Args:
        events: a dump as it was read, before anything was taken out of it.
        key: the object that it came from; None where it came from elsewhere.
        signed: whether nobody but the backup can have written the note: then it must be of this object.
        on_warning: is told where an unsigned note is of another object.

    Raises:
        NoteBroken: the note, which is signed, is of another object; or at the End, a table has other rows than it
            says. The End is not handed on then.
    """
    counted: Counter[str] = Counter()
    for event in events:
        if isinstance(event, Head):
            _check_name(event, key, on_warning, signed=signed)
        elif isinstance(event, TableData):
            counted[str(event.table)] += event.count
        elif isinstance(event, End):
            said = rows_of(event)
            if said is not None:
                _check_rows(counted, said)
        yield event


def _check_name(head: Head, key: str | None, on_warning: Callable[[str], None], *, signed: bool) -> None:
    note = note_of(head)
    if key is None or note is None or note.name in ("", key.rpartition("/")[2]):
        return
    if signed:
        raise NoteBroken(
            f"{key} is another backup under a new name: its note, which is signed, has another one.",
            hint="take the dump under the name that its backup gave it",
        )
    on_warning(f"{key} had another name when it was made: it may be older than its name says")


def _check_rows(counted: Mapping[str, int], said: Mapping[str, int]) -> None:
    differ = sorted(table for table in counted.keys() | said.keys() if counted.get(table, 0) != said.get(table, 0))
    if not differ:
        return
    # What only the note names is a text that anybody may have written.
    named = [f"{table} has {counted[table]:,}, not {said.get(table, 0):,}" for table in differ if table in counted]
    if len(named) < len(differ):
        named.append(f"{len(differ) - len(named):,} that should have some are not there")
    more = f", and {len(named) - _NAMED:,} more" if len(named) > _NAMED else ""
    raise NoteBroken(
        f"The dump has other rows than its backup counted: {', '.join(named[:_NAMED])}{more}.",
        hint="take another dump with --dump, and look at who wrote this one",
    )
