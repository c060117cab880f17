"""A dump makes schemas and changes what is in them, and reaches for nothing else in the target."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dmrefresh.dump.text.tokens import Cursor
from dmrefresh.errors import DumpRefused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmrefresh.dump.events import Name, Schema, Statement

_REFERENCES = re.compile(rb"\breferences\b", re.IGNORECASE)


def refuse_elsewhere(statement: Statement, schema: Schema, codec: str) -> None:
    """Refuse a statement about an object in a schema of which the dump makes nothing.

    Such a schema is not swapped: what is in it is the target's own, and would be changed for good. A foreign key is
    about the table it references as well: it would hold that one up from then on.

    Args:
        statement: one that would be executed.
        schema: what the Head says.
        codec: Python's name for the dump's encoding.

    Raises:
        DumpRefused: it is about such an object; the message has its kind and place.
    """
    if any(_is_elsewhere(name, schema) for name in (_subject(statement), *_referenced(statement, codec))):
        raise DumpRefused(
            f"The dump holds a statement {statement.kind} at {statement.place} about an object in a schema of which it "
            "makes nothing.",
            hint="make the dump whole, without --data-only, --section, --schema and --table",
        )


def _is_elsewhere(name: Name | None, schema: Schema) -> bool:
    return name is not None and name.schema not in ("", *schema.schemas, *schema.homes)


def _subject(statement: Statement) -> Name | None:
    """What a statement is about; of a schema, whatever is in it."""
    if statement.kind == "COMMENT ON SCHEMA" and statement.target is not None:
        return type(statement.target)(statement.target.name, "")
    return statement.target


def _referenced(statement: Statement, codec: str) -> Iterator[Name]:
    """The tables that foreign keys reference."""
    if statement.kind not in ("ALTER TABLE ADD CONSTRAINT", "CREATE TABLE") or not _REFERENCES.search(statement.sql):
        return
    cursor = Cursor(statement.sql, codec)
    while not cursor.at_end():
        if not cursor.accept("REFERENCES"):
            cursor.take()
        elif (name := cursor.name()) is not None:
            yield name
