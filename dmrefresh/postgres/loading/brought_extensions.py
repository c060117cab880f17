"""The extensions that a dump brings: whether the target can make them, and where they may be made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmrefresh.dump.definitions.schema import schema_of_extension
from dmrefresh.dump.events import Head
from dmrefresh.dump.text.encodings import codec_of
from dmrefresh.errors import TargetUnfit

if TYPE_CHECKING:
    from dmrefresh.postgres.errand import Errand


def brought_by(head: Head) -> dict[str, str]:
    """The extensions that the dump makes, and the schema of each as far as it says one."""
    codec = codec_of(head.encoding)
    return {
        statement.target.name: schema_of_extension(statement.sql, codec) or ""
        for statement in head.statements
        if statement.kind == "CREATE EXTENSION" and statement.target is not None
    }


def refuse_absent(errand: Errand) -> None:
    """Raises TargetUnfit where the target's server does not have an extension that the dump needs."""
    for name in brought_by(errand.head):
        row = errand.connection.execute(
            "SELECT EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = %(name)s) "
            "OR EXISTS (SELECT FROM pg_catalog.pg_available_extensions WHERE name = %(name)s)",
            {"name": name},
        ).fetchone()
        if row is not None and not row[0]:
            raise absent(name)


def refuse_inside(errand: Errand) -> None:
    """Raises TargetUnfit where the dump would make one inside a schema that is swapped; see `inside`."""
    there = {name for (name,) in errand.connection.execute("SELECT extname FROM pg_catalog.pg_extension")}
    for name, schema in brought_by(errand.head).items():
        if schema in errand.schemas and name not in there:
            raise inside(name, schema)


def absent(name: str) -> TargetUnfit:
    """What is raised where the server does not have an extension."""
    return TargetUnfit(
        f"The dump needs the extension {name}, which the target's server does not have.",
        hint="install it on the server",
    )


def inside(name: str, schema: str) -> TargetUnfit:
    """What is raised for an extension inside a schema that is swapped: it would be in the way of later refreshes."""
    return TargetUnfit(
        f"The dump makes the extension {name} in the schema {schema}, which no later refresh could swap.",
        hint='say strategy = "database" for this target; where nothing in the dump uses the extension, it may '
        f"as well be made in a schema of its own first: CREATE EXTENSION {name} SCHEMA …",
    )
