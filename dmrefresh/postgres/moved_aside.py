"""What a swap moves aside: the names it gets, what is noted about it, and what of it lies there.

What is to be kept for a rollback bears another mark. The next swap renames it within its own transaction
(`supersede`), so that it is given up with the commit or not at all; after that it is dropped.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime

from psycopg import sql

from dmrefresh.dump.judging.policy import SET_ASIDE
from dmrefresh.errors import TargetBusy, TargetUnfit
from dmrefresh.observer import Observer
from dmrefresh.postgres import Connection
from dmrefresh.postgres_facts import LONGEST_NAME

_PREFIX = "dmrefresh: previous data, "
_MARK = f"{_PREFIX}dropped by the next run if not before"
_KEPT = f"{_PREFIX}kept for a rollback until "
_ASIDE, _SUPERSEDED = SET_ASIDE


@dataclass(frozen=True, slots=True)
class Mark:
    """What is noted, in its comment, about a schema that was moved aside.

    Attributes:
        schema: its former name.
        oid: its own; one that differs tells a copy of it in another database.
        comment: what was said about it before.
        types: the oids of its types when it was moved, those included that were carried over since.
        run: the run whose receipt it carries; None unless it is kept.
        until: when it expires, in ISO 8601; None unless it is kept.
    """

    schema: str
    oid: int
    comment: str | None
    types: list[int] = field(default_factory=list)
    run: str | None = None
    until: str | None = None

    @property
    def expires(self) -> datetime | None:
        """When a kept one may no longer be put back."""
        until = datetime.fromisoformat(self.until) if self.until else None
        return until if until is None or until.tzinfo is not None else until.replace(tzinfo=UTC)

    def write(self, connection: Connection, aside: str) -> None:
        """Say it of the schema `aside`: a line for people, and one for the next run."""
        first = f"{_KEPT}{self.until}" if self.until else _MARK
        text = f"{first}\n{json.dumps(asdict(self))}"
        connection.execute(sql.SQL("COMMENT ON SCHEMA {} IS {}").format(sql.Identifier(aside), text))

    @classmethod
    def read(cls, comment: str) -> Mark | None:
        """The mark in a schema's comment; None where an earlier version said less."""
        try:
            known = json.loads(comment.partition("\n")[2])
            return cls(**{name.name: known[name.name] for name in fields(cls)})
        except (ValueError, KeyError, TypeError):
            return None


def name_for(schema: str) -> str:
    """Where the swap moves `schema`: a name of its own for each, however long and alike they are."""
    return _named(_ASIDE, schema)


def _named(prefix: str, schema: str) -> str:
    if schema == "public":
        return prefix
    name = f"{prefix}_{schema}"
    if len(name.encode()) <= LONGEST_NAME:
        return name
    mark = f"_{hashlib.sha256(schema.encode()).hexdigest()[:12]}"
    return name.encode()[: LONGEST_NAME - len(mark)].decode(errors="ignore") + mark


def move_aside(connection: Connection, schema: str) -> str | None:
    """Rename `schema` to `name_for(schema)` and mark it as ours; returns the comment it had.

    Raises:
        psycopg.Error: the server refuses.
    """
    row = connection.execute(
        "SELECT n.oid::bigint, pg_catalog.obj_description(n.oid, 'pg_namespace'), "
        "ARRAY(SELECT t.oid::bigint FROM pg_catalog.pg_type t LEFT JOIN pg_catalog.pg_class c ON c.oid = t.typrelid "
        "      WHERE t.typnamespace = n.oid AND (t.typtype IN ('e', 'd') OR c.relkind = 'c') ORDER BY 1) "
        "FROM pg_catalog.pg_namespace n WHERE n.nspname = %s",
        (schema,),
    ).fetchone()
    old, new = sql.Identifier(schema), sql.Identifier(name_for(schema))
    connection.execute(sql.SQL("ALTER SCHEMA {} RENAME TO {}").format(old, new))
    if row is None:
        return None
    Mark(schema, *row).write(connection, name_for(schema))
    comment: str | None = row[1]
    return comment


def marked(connection: Connection) -> dict[str, str]:
    """The schemas that earlier swaps moved aside and nobody has dropped yet, with their comments."""
    rows = connection.execute(
        "SELECT n.nspname, d.description FROM pg_catalog.pg_namespace n "
        "JOIN pg_catalog.pg_description d ON d.objoid = n.oid AND d.objsubid = 0 "
        "AND d.classoid = 'pg_catalog.pg_namespace'::pg_catalog.regclass "
        "WHERE pg_catalog.starts_with(d.description, %s) "
        # A dump may say what it likes about its schemas, but never makes one of such a name.
        "AND (pg_catalog.starts_with(n.nspname, %s) OR pg_catalog.starts_with(n.nspname, %s)) ORDER BY 1",
        (_PREFIX, _ASIDE, _SUPERSEDED),
    )
    return dict(rows.fetchall())


def left_over(connection: Connection) -> list[str]:
    """The schemas that earlier swaps moved aside and nobody has dropped yet, kept ones included."""
    return list(marked(connection))


def kept_marks(connection: Connection) -> dict[str, Mark]:
    """Those among them that are kept for a rollback, expired or not, with their marks."""
    found = {name: Mark.read(text) for name, text in marked(connection).items() if text.startswith(_KEPT)}
    return {name: mark for name, mark in found.items() if mark is not None and mark.expires is not None}


def supersede(connection: Connection, observer: Observer) -> None:
    """Rename what is kept, so that its names are free, and mark it as to be dropped.

    Args:
        connection: the publishing transaction, with the lock: rolled back, it leaves the way back as it was.
        observer: is told that there is no way back to it once this refresh is published.

    Raises:
        psycopg.Error: the server refuses.
    """
    given_up = kept_marks(connection)
    for name, mark in given_up.items():
        further = _named(_SUPERSEDED, mark.schema)
        connection.execute(
            sql.SQL("ALTER SCHEMA {} RENAME TO {}").format(sql.Identifier(name), sql.Identifier(further))
        )
        replace(mark, run=None, until=None).write(connection, further)
    for until in {mark.until for mark in given_up.values()}:
        observer.note(
            f"the data kept for a rollback until {until} makes room for this refresh; "
            "once it is published there is no way back to it"
        )


def refuse_strangers(connection: Connection, schemas: Iterable[str], *, superseding: bool = False) -> None:
    """See that the names the swap needs are free.

    Args:
        connection: a session on the target.
        schemas: those that will be moved aside.
        superseding: whether what is kept is given another name first, which must be free as well.

    Raises:
        TargetBusy: the previous data of an earlier swap is still in use; that passes.
        TargetUnfit: something of that name is not ours.
    """
    given_up = kept_marks(connection) if superseding else {}
    wanted = [name_for(schema) for schema in schemas]
    wanted += [_named(_SUPERSEDED, mark.schema) for mark in given_up.values()]
    rows = connection.execute("SELECT nspname FROM pg_catalog.pg_namespace WHERE nspname = ANY (%s)", (wanted,))
    ours = left_over(connection)
    for (name,) in rows.fetchall():
        if name in given_up:
            continue
        if name in ours:
            raise TargetBusy(
                f"The previous data in {name} cannot be dropped yet: a session still uses it, or something outside "
                "depends on it.",
                hint=f"end that session, or see what depends on {name}; then run it again",
            )
        raise TargetUnfit(
            f"The target has a schema {name} of somebody else's, whose name the swap needs.", hint="rename it"
        )
