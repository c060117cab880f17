"""A dump makes schemas and changes what is in them, and reaches for nothing else in the target."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmrefresh.errors import DumpRefused

if TYPE_CHECKING:
    from dmrefresh.dump.events import Schema, Statement

_NOT_SWAPPED = frozenset({"CREATE EXTENSION"})


def refuse_elsewhere(statement: Statement, schema: Schema) -> None:
    """Refuse a statement about an object in a schema of which the dump makes nothing.

    Such a schema is not swapped: what is in it is the target's own, and would be changed for good.

    Args:
        statement: one that would be executed.
        schema: what the Head says.

    Raises:
        DumpRefused: it is about such an object; the message has its kind and place.
    """
    target = statement.target
    if target is None or statement.kind in _NOT_SWAPPED or target.schema in ("", *schema.schemas):
        return
    raise DumpRefused(
        f"The dump holds a statement {statement.kind} at {statement.place} about an object in a schema of which it "
        "makes nothing.",
        hint="make the dump whole, without --data-only and --section",
    )
