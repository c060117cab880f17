"""Gathers what the statements before the first row say about schemas, types, tables and sequences.

The structure is read by our own tokens and not by sqlglot: it keeps the rest of a statement that it does not know
(ADD GENERATED, a virtual generated column, a typed table) as one opaque command, and writes types in its own way,
where rules and messages need names and types exactly as the dump has them. It reads the types themselves.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING

from dmrefresh.dump.definitions.column_types import Types
from dmrefresh.dump.definitions.columns import Definition, outer_tokens, read_columns, said_of, type_of
from dmrefresh.dump.definitions.families import attached, inherited, refuse_circles
from dmrefresh.dump.events import Column, Name, Schema, Statement, Table
from dmrefresh.dump.text.tokens import MOST_TOKENS, Cursor, NotAsWritten, NotInEncoding, TokenKind
from dmrefresh.errors import DumpRefused

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(slots=True)
class _Building:
    """What has been read so far."""

    codec: str
    types: Types
    tables: dict[Name, Table]
    schemas: list[str] = field(default_factory=list)
    used_schemas: set[str] = field(default_factory=set)
    extension_schemas: set[str] = field(default_factory=set)
    composites: dict[Name, list[Definition]] = field(default_factory=dict)
    sequences: list[Name] = field(default_factory=list)
    made: set[Name] = field(default_factory=set)
    foreign_tables: set[Name] = field(default_factory=set)


def read_schema(statements: Iterable[Statement], codec: str) -> Schema:
    """Read the statements of a Head.

    Args:
        statements: all of them, in the dump's order.
        codec: Python's name for the dump's encoding.

    Raises:
        DumpRefused: a statement is not written as pg_dump writes it; the message has its kind and place.
    """
    tables: dict[Name, Table] = {}
    building = _Building(codec, Types(codec, tables), tables)
    for statement in statements:
        _note_schema(building, statement)
        _refuse_second(building, statement)
        reader = _READERS.get(statement.kind)
        if reader is None:
            continue
        try:
            reader(building, statement)
        except (NotAsWritten, NotInEncoding):
            raise DumpRefused(
                f"The {statement.kind} at {statement.place} is not written as pg_dump writes it."
            ) from None
    refuse_circles(building.tables)
    only_extensions = building.extension_schemas - building.used_schemas
    homes = tuple(name for name in building.schemas if name in only_extensions)
    return Schema(
        tables=building.tables,
        schemas=tuple(name for name in building.schemas if name not in homes),
        homes=homes,
        sequences=tuple(building.sequences),
    )


def _note_schema(building: _Building, statement: Statement) -> None:
    """A schema in which the dump makes nothing, or nothing but extensions, is none of its business."""
    if statement.kind.startswith("CREATE ") and statement.target is not None and statement.target.schema:
        building.used_schemas.add(statement.target.schema)
        if statement.target.schema not in building.schemas:
            building.schemas.append(statement.target.schema)


_IN_ONE_NAMESPACE = frozenset({"CREATE DOMAIN", "CREATE FOREIGN TABLE", "CREATE TABLE", "CREATE TYPE"})
"""A table is a type as well."""


def _refuse_second(building: _Building, statement: Statement) -> None:
    """A server would go on with the first; whoever reads the second would take its columns for others."""
    if statement.kind not in _IN_ONE_NAMESPACE or statement.target is None:
        return
    if statement.target in building.made:
        raise DumpRefused(f"The dump creates {statement.target} a second time at {statement.place}.")
    building.made.add(statement.target)


def _schema(building: _Building, statement: Statement) -> None:
    name = _target(statement).name
    if name not in building.schemas:
        building.schemas.append(name)


def _extension(building: _Building, statement: Statement) -> None:
    name = schema_of_extension(statement.sql, building.codec)
    if name is not None:
        building.extension_schemas.add(name)


def schema_of_extension(sql: bytes, codec: str) -> str | None:
    """The schema that a CREATE EXTENSION names, if it does.

    Args:
        sql: the statement.
        codec: Python's name for its encoding.

    Raises:
        NotInEncoding: it is not in that encoding.
    """
    cursor = Cursor(sql, codec)
    return cursor.identifier() if _has_words(cursor, "WITH SCHEMA") else None


def _sequence(building: _Building, statement: Statement) -> None:
    building.sequences.append(_target(statement))


def _foreign_table(building: _Building, statement: Statement) -> None:
    building.foreign_tables.add(_target(statement))


def _type(building: _Building, statement: Statement) -> None:
    cursor = Cursor(statement.sql, building.codec)
    cursor.accept("CREATE TYPE")
    cursor.name()
    if cursor.accept("AS ENUM"):
        building.types.enums[_target(statement)] = _labels(cursor)
    elif cursor.accept("AS") and cursor.next_is("("):
        attributes = read_columns(cursor.inside(), statement.sql, building.codec)
        building.composites[_target(statement)] = attributes
        building.types.add_fields(_target(statement), attributes)


def _labels(cursor: Cursor) -> tuple[str, ...]:
    """The labels of an enum. A server takes strings on lines that follow each other for one; pg_dump writes none."""
    labels: list[str] = []
    comma = True
    for token in cursor.inside():
        if comma == (token.kind is TokenKind.SYMBOL and token.text == ","):
            raise NotAsWritten
        comma = not comma
        if not comma:
            if token.kind is not TokenKind.STRING:
                raise NotAsWritten
            labels.append(token.text)
    if comma and labels:
        raise NotAsWritten
    return tuple(labels)


_NO_NULL, _BUT = "VALUE IS NOT NULL", ("OR", "NOT ( VALUE")
"""A check of a domain says the same as NOT NULL where it wants this; not where it wants this or something else, or not
this."""


def _domain(building: _Building, statement: Statement) -> None:
    cursor = Cursor(statement.sql, building.codec)
    cursor.accept("CREATE DOMAIN")
    cursor.name()
    if not cursor.accept("AS"):
        raise NotAsWritten
    after_name = islice(outer_tokens(cursor.left()), MOST_TOKENS)  # of which the type is the beginning
    written, after_type = type_of([*after_name], statement.sql, building.codec)
    definition = said_of("", written, after_type)
    wants, *else_wants = (_has_words(Cursor(statement.sql, building.codec), words) for words in (_NO_NULL, *_BUT))
    if wants and not any(else_wants):
        definition = replace(definition, not_null=True)
    building.types.add_domain(_target(statement), definition)


def _table(building: _Building, statement: Statement) -> None:
    cursor = Cursor(statement.sql, building.codec)
    while not cursor.accept("TABLE"):
        cursor.take()
    cursor.name()
    columns: dict[str, Column] = {}
    parents: list[Name] = []
    typed = not cursor.next_is("OF")
    if cursor.accept("OF"):
        _adopt(columns, building.composites.get(_name(cursor)), building)
    elif cursor.accept("PARTITION OF"):
        typed = False
        parents.append(_name(cursor))
    inside = cursor.inside() if cursor.next_is("(") else []
    written = read_columns(inside, statement.sql, building.codec, typed=typed)
    if cursor.accept("INHERITS"):
        parents.extend(_names_in_parentheses(cursor))
    columns |= inherited(tuple(building.tables.get(parent) for parent in parents), statement.place)
    _adopt(columns, written, building)
    if not cursor.at_end() and not any(cursor.next_is(word) for word in _AFTER_COLUMNS):
        raise NotAsWritten
    building.tables[_target(statement)] = Table(
        _target(statement),
        tuple(columns.values()),
        parents=tuple(parents),
        partitioned=_has_words(cursor, "PARTITION BY"),
    )


_AFTER_COLUMNS = ("FOR VALUES", "DEFAULT", "PARTITION BY", "USING", "WITH (", "TABLESPACE")


def _adopt(columns: dict[str, Column], written: list[Definition] | None, building: _Building) -> None:
    """Add columns as written to those that came from a parent or a type, which they may only add to."""
    if written is None:
        raise NotAsWritten
    for one in written:
        before = columns.get(one.name)
        if not one.type and before is None:
            raise NotAsWritten
        if one.type and before is not None and before.type != one.type:
            raise NotAsWritten
        made = building.types.column(one) if one.type else before
        assert made is not None
        not_null = made.not_null or one.not_null or (before is not None and before.not_null)
        generated = made.generated or one.generated or (before is not None and before.generated)
        collated = made.collated or one.collated or (before is not None and before.collated)
        columns[one.name] = replace(made, not_null=not_null, generated=generated, collated=collated)


def _attach(building: _Building, statement: Statement) -> None:
    """ALTER TABLE ONLY parent ATTACH PARTITION leaf …"""
    cursor = Cursor(statement.sql, building.codec)
    while not cursor.at_end() and not cursor.accept("ATTACH PARTITION"):
        cursor.take()
    leaf, parent = _name(cursor), _target(statement)
    if leaf in building.tables:
        building.tables[leaf] = attached(building.tables[leaf], building.tables.get(parent), statement.place)
    elif leaf not in building.foreign_tables:  # those are refused by themselves
        raise NotAsWritten


def _set_not_null(building: _Building, statement: Statement) -> None:
    """ALTER TABLE ONLY child ALTER COLUMN column SET NOT NULL"""
    cursor = Cursor(statement.sql, building.codec)
    while not cursor.at_end() and not cursor.accept("ALTER COLUMN"):
        cursor.take()
    name, table = cursor.identifier(), building.tables.get(_target(statement))
    if table is None:
        return
    columns = (replace(one, not_null=True) if one.name == name else one for one in table.columns)
    building.tables[table.name] = replace(table, columns=tuple(columns))


_READERS = {
    "ALTER TABLE ALTER COLUMN SET NOT NULL": _set_not_null,
    "ALTER TABLE ATTACH PARTITION": _attach,
    "CREATE DOMAIN": _domain,
    "CREATE FOREIGN TABLE": _foreign_table,
    "CREATE EXTENSION": _extension,
    "CREATE SCHEMA": _schema,
    "CREATE SEQUENCE": _sequence,
    "CREATE TABLE": _table,
    "CREATE TYPE": _type,
}


def _target(statement: Statement) -> Name:
    if statement.target is None:
        raise NotAsWritten
    return statement.target


def _name(cursor: Cursor) -> Name:
    name = cursor.name()
    if name is None:
        raise NotAsWritten
    return name


def _names_in_parentheses(cursor: Cursor) -> list[Name]:
    if not cursor.accept("("):
        raise NotAsWritten
    names = [_name(cursor)]
    while cursor.accept(","):
        names.append(_name(cursor))
    if not cursor.accept(")"):
        raise NotAsWritten
    return names


def _has_words(cursor: Cursor, words: str) -> bool:
    """Whether these words come anywhere in what is left, which is passed."""
    while not cursor.at_end():
        if cursor.accept(words):
            return True
        cursor.take()
    return False
