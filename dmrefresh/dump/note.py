"""The note at the head of a backup of ours: what its database knew and a dump does not say before its rows.

    -- dmrefresh note 1
    -- dmrefresh {"unique": {"users": ["email_address", "id"]}, "rows": {"users": 12000}}

It is made of comments, which psql never notices. Nobody has signed it, so it may make a check stricter, and never
make one milder.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dmrefresh.dump.events import Head

_NOTE = re.compile(rb"^-- dmrefresh note 1\n-- dmrefresh (\{[ -~]*\})\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Note:
    """What a backup says of its database.

    Attributes:
        unique: for each table the columns in which no value came twice.
        rows: for each table about how many rows it had.
    """

    unique: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    rows: Mapping[str, int] = field(default_factory=dict)


def write_note(note: Note) -> bytes:
    """The lines that go before the text of a dump."""
    return b"-- dmrefresh note 1\n-- dmrefresh %b\n" % json.dumps(asdict(note), sort_keys=True).encode("ascii")


def note_of(head: Head) -> Note | None:
    """The note of a dump; None where it has none, or none that can be read.

    Args:
        head: everything before the first row; only what stands before its first statement counts.
    """
    found = _NOTE.search(head.statements[0].lead) if head.statements else None
    if found is None:
        return None
    try:
        said = json.loads(found[1])
        unique = {str(table): tuple(map(str, columns)) for table, columns in said.get("unique", {}).items()}
        rows = {str(table): int(count) for table, count in said.get("rows", {}).items()}
    except (ValueError, OverflowError, TypeError, AttributeError, RecursionError):
        return None
    return Note(unique, rows)
