"""What flows out of a dump once it has been read: one Head, then rows and statements, then the End."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from dmrefresh.errors import DumpDamaged

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, slots=True)
class Place:
    """Where something begins in the plain text of the dump: line from 1, byte offset from 0."""

    line: int
    offset: int

    def __str__(self) -> str:
        return f"line {self.line}, byte {self.offset}"


@dataclass(frozen=True, slots=True, order=True)
class Name:
    """A schema-qualified name as the server holds it, without quotes; an extension, say, has no schema."""

    schema: str
    name: str

    def __str__(self) -> str:
        """As rulesets and messages write it: the schema is left out where it is `public`."""
        return self.name if self.schema in ("public", "") else f"{self.schema}.{self.name}"


@dataclass(frozen=True, slots=True)
class Statement:
    """One SQL statement.

    Attributes:
        sql: its text without the closing semicolon, in the dump's encoding.
        kind: the words that name it, such as `CREATE TABLE` or `ALTER TABLE ADD CONSTRAINT`.
        target: the object it makes or changes, where it names one.
        place: where it begins.
        lead: the dump's text between what came before and this: blanks, comments, lines for psql.
    """

    sql: bytes
    kind: str
    target: Name | None
    place: Place
    lead: bytes = b""


@dataclass(frozen=True, slots=True)
class TableData:
    """A block of whole COPY lines of one table.

    Attributes:
        table: the table.
        columns: its columns in the order of the lines.
        rows: the lines, each ending in a newline; empty where the block is empty.
        count: how many lines there are.
        place: where the first of them begins.
        last: true in exactly the last block of each COPY, also where the table is empty.
        lead: in the first block of each COPY, the dump's text between what came before and the COPY.
        header: in the first block of each COPY, the COPY itself, with its semicolon and newline.
    """

    table: Name
    columns: tuple[str, ...]
    rows: bytes | memoryview
    count: int
    place: Place
    last: bool
    lead: bytes = b""
    header: bytes = b""


@dataclass(frozen=True, slots=True)
class Column:
    """A column as CREATE TABLE gives it.

    Attributes:
        name: as the server holds it.
        type: as the dump writes it, such as `character varying(255)` or `public.user_roles_enum`.
        not_null: whether NULL is refused.
        max_length: characters at most, where the type says so.
        enum: whether the type is an enum of this dump.
        generated: whether the server computes it (then it is never in the rows).
        base: the type under all domains, as the dump writes it; empty where it is no domain.
        labels: those of the enum, in their order.
        element: where the type is an array, a column for what is in it, of whatever dimensions.
        fields: where the type is composite, a column for each attribute.
        collated: whether it has a collation that the server does not bring along.
    """

    name: str
    type: str
    not_null: bool = False
    max_length: int | None = None
    enum: bool = False
    generated: bool = False
    base: str = ""
    labels: tuple[str, ...] = ()
    element: Column | None = None
    fields: tuple[Column, ...] = ()
    collated: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table as the Head describes it; `parents` are what it is a partition of, or inherits from."""

    name: Name
    columns: tuple[Column, ...]
    parents: tuple[Name, ...] = ()
    partitioned: bool = False


@dataclass(frozen=True, slots=True)
class Schema:
    """What the Head says about tables and sequences.

    `schemas` are those of which the dump makes something; `homes` it makes for extensions and nothing else.
    """

    tables: Mapping[Name, Table] = field(default_factory=dict)
    schemas: tuple[str, ...] = ()
    homes: tuple[str, ...] = ()
    sequences: tuple[Name, ...] = ()


@dataclass(frozen=True, slots=True)
class Head:
    """Everything before the first row; always the first event.

    Attributes:
        server_version: the server the dump was made from, such as `15.18`.
        dump_version: the pg_dump that wrote it.
        encoding: the dump's client_encoding, as PostgreSQL names it.
        schema: what the statements describe.
        statements: all statements before the first COPY, in order.
    """

    server_version: str
    dump_version: str
    encoding: str
    schema: Schema
    statements: tuple[Statement, ...]

    @property
    def major(self) -> int:
        """The major version of the server that the dump was made from; 18 of `18beta1`."""
        found = re.match(r"\d+", self.server_version)
        return int(found[0]) if found else 0


@dataclass(frozen=True, slots=True)
class End:
    """The end marker was reached at top level; nothing but blanks followed.

    Attributes:
        rows: lines of all COPY blocks.
        size: bytes of plain text.
        lead: the dump's text behind the last statement or row, the marker included.
    """

    rows: int
    size: int
    lead: bytes = b""


Event: TypeAlias = Head | Statement | TableData | End


def head_of(events: Iterable[Event]) -> Head:
    """The first of a dump's events.

    Raises:
        DumpDamaged: there is none, or it is no Head.
    """
    head = next(iter(events), None)
    if not isinstance(head, Head):
        raise DumpDamaged("The dump holds nothing.")
    return head
