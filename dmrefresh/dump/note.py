"""The note of a backup of ours: what its database knew, and a dump does not say, or says only at its end.

    -- dmrefresh note 1
    -- dmrefresh {"database": "app", "name": "production-….sql.gz.gpg", "unique": {"users": ["email", "id"]}, …}
    …
    -- PostgreSQL database dump complete
    --

    -- dmrefresh rows {"users": 12000}

It is made of comments, which psql never notices. Unless the dump is signed nobody vouches for it, so it may make a
check stricter, and never make one milder.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from dmrefresh.errors import DumpDamaged

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dmrefresh.dump.events import End, Head

_NOTE = re.compile(rb"^-- dmrefresh note 1\n-- dmrefresh (\{[ -~]*\})\n", re.MULTILINE)
_MARKER = b"\n-- PostgreSQL database dump complete\n"
_ROWS = re.compile(rb"^-- dmrefresh rows (.*)$", re.MULTILINE)
_LONGEST = 16 << 20
"""Bytes of a line of ours; those of 20,000 tables have two million."""


class NoteBroken(DumpDamaged):
    """A dump is not what its note says; fetched again it would be the same."""

    retry = False


class Renamed(NoteBroken):
    """A dump is whole and signed, and lies where another one belongs: somebody has put it there."""


@dataclass(frozen=True, slots=True)
class Note:
    """What a backup says of its database.

    Attributes:
        unique: for each table the columns in which no value came twice.
        rows: for each of these tables, which have a unique index on one column, about how many rows it had.
        name: the object's name to be, so that an older dump cannot be passed off for a newer one.
        version: of the dmrefresh that made the backup.
        system_identifier: of the server's cluster; 0 where its role may not know.
        database: its name.
        server_version: as the server says it, such as `15.18`.
    """

    unique: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    rows: Mapping[str, int] = field(default_factory=dict)
    name: str = ""
    version: str = ""
    system_identifier: int = 0
    database: str = ""
    server_version: str = ""


def write_note(note: Note) -> bytes:
    """The lines that go before the text of a dump."""
    return b"-- dmrefresh note 1\n-- dmrefresh %b\n" % _json(asdict(note))


def note_of(head: Head) -> Note | None:
    """The note of a dump; None where it has none, or none that can be read.

    Args:
        head: everything before the first row; only what stands before its first statement counts.
    """
    said = _said(_NOTE, head.statements[0].lead if head.statements else b"")
    try:
        unique = {str(table): tuple(map(str, columns)) for table, columns in said.get("unique", {}).items()}
        texts = {key: str(said.get(key, "")) for key in ("name", "version", "database", "server_version")}
        identifier = int(said.get("system_identifier", 0))
        return Note(unique, _counts(said.get("rows", {})), system_identifier=identifier, **texts) if said else None
    except (ValueError, OverflowError, TypeError, AttributeError):
        return None


def write_rows(tables: Mapping[str, int]) -> bytes:
    """The line that goes behind the text of a dump.

    Args:
        tables: how many rows of each the dump has, tables as rulesets write their names.
    """
    return b"\n-- dmrefresh rows %b\n" % _json(tables)


def rows_of(end: End) -> dict[str, int] | None:
    """How many rows of each table a dump says it has; None where it does not say so, or not readably.

    Args:
        end: only what stands behind the dump's own end marker counts.

    Raises:
        NoteBroken: it says so more than once.
    """
    _, _, behind = end.lead.rpartition(_MARKER)
    lines = _ROWS.findall(behind)
    if len(lines) > 1:
        raise NoteBroken("The dump says more than once how many rows it has: somebody has written behind its end.")
    try:
        return _counts(_parsed(lines[0])) if lines else None
    except (ValueError, TypeError):
        return None


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True).encode("ascii")


def _said(where: re.Pattern[bytes], text: bytes) -> dict[str, Any]:
    found = where.search(text)
    said = _parsed(found[1]) if found else {}
    return said if isinstance(said, dict) else {}


def _parsed(line: bytes) -> object:
    """What a line of ours says in JSON; None where that cannot be read."""
    try:
        return json.loads(line) if len(line) <= _LONGEST else None
    except (ValueError, RecursionError):
        return None


def _counts(said: object) -> dict[str, int]:
    if not isinstance(said, dict) or not all(type(count) is int and count >= 0 for count in said.values()):
        raise TypeError
    return {str(table): count for table, count in said.items()}
