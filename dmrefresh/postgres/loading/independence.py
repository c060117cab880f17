"""Which of a dump's statements and rows may be on their way at once: what each of them needs, and how.

Two that need the same thing, one of them for itself alone, keep the dump's order. What is not known to touch the
named things and nothing else has no needs that could be told: it waits for everything before it, and everything after
it waits. So no two sessions of ours ever wait for each other within the server.

A family is a table with what it is a partition of or inherits from. Code that the dump makes may read any table, so
what could call it is never known: index expressions with a qualified name, once the dump makes a routine; all indexes
and keys, once it makes operators or casts, which comparing values may call.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import TypeAlias

from dmrefresh.dump.events import Head, Name, Statement
from dmrefresh.dump.text.encodings import codec_of
from dmrefresh.dump.text.tokens import Cursor, TokenKind

Needs: TypeAlias = Mapping[tuple[str, Name], bool]
"""Things by sort and name; true where they are needed alone."""

_ROUTINES = frozenset({"CREATE FUNCTION", "CREATE PROCEDURE", "CREATE AGGREGATE"})
_COMPARING = frozenset({"CREATE CAST", "CREATE OPERATOR", "CREATE OPERATOR CLASS", "ALTER OPERATOR FAMILY ADD"})
_OF_A_TABLE = frozenset(
    {
        "ALTER TABLE ALTER COLUMN SET STATISTICS",
        "ALTER TABLE CLUSTER ON",
        "ALTER TABLE REPLICA IDENTITY",
        "COMMENT ON CONSTRAINT",
    }
)
_OF_AN_INDEX = frozenset(
    {"ALTER INDEX ALTER COLUMN SET STATISTICS", "ALTER INDEX ATTACH PARTITION", "COMMENT ON INDEX"}
)


def collide(one: Needs, other: Needs) -> bool:
    """Whether of the two the later must wait for the earlier."""
    return any(key in other and (alone or other[key]) for key, alone in one.items())


class Independence:
    """Knows what statements and rows of a dump need.

    Args:
        head: the dump's Head, with all its tables and routines.
        calling: tables of which a row may call code of the dump's, by a check, a domain or a generated column.
    """

    def __init__(self, head: Head, calling: Set[Name]) -> None:
        kinds = {statement.kind for statement in head.statements}
        self._tables = head.schema.tables
        self._calling = calling
        self._codec = codec_of(head.encoding)
        self._routines = bool(kinds & _ROUTINES)
        self._comparing = bool(kinds & _COMPARING)
        self._roots: dict[Name, Name] = {}
        self._families: dict[Name, Name] = {}
        for name, table in self._tables.items():
            for parent in table.parents:
                self._roots[self._root(name)] = self._root(parent)

    def of_rows(self, table: Name) -> Needs | None:
        """What the rows of a table need; None where nothing else may be under way."""
        whole = self._tables[table].partitioned
        if table in self._calling or (whole and self._root(table) in map(self._root, self._calling)):
            return None  # what comes through the root is checked by its partitions
        return {("family", self._root(table)): whole, ("table", table): True}

    def of(self, statement: Statement) -> Needs | None:
        """What a statement behind the rows needs; None where nothing else may be under way."""
        if statement.target is None:
            return None
        if statement.kind == "SELECT SETVAL":
            return {("sequence", statement.target): True}
        if statement.kind == "CREATE INDEX":
            return self._of_index(statement)
        if statement.kind == "ALTER TABLE ADD CONSTRAINT":
            return self._of_constraint(statement)
        if statement.kind in _OF_A_TABLE:
            return self._alone(statement.target)
        if statement.kind in _OF_AN_INDEX and statement.target in self._families:
            return {("family", self._families[statement.target]): True}
        return None

    def _of_index(self, statement: Statement) -> Needs | None:
        """Several indexes of one table can be made at once: each holds the others' rows still, and no more."""
        cursor = Cursor(statement.sql, self._codec)
        while not cursor.accept("ON"):
            if cursor.take() is None:
                return None
        whole = cursor.accept("ONLY")
        table = cursor.name()
        if table is None or table not in self._tables or statement.target is None:
            return None
        self._families[statement.target] = self._root(table)
        if self._comparing or (self._routines and _has_dots(cursor)):
            return None
        return {("family", self._root(table)): whole or self._tables[table].partitioned, ("table", table): False}

    def _of_constraint(self, statement: Statement) -> Needs | None:
        cursor = Cursor(statement.sql, self._codec)
        cursor.accept("ALTER TABLE")
        cursor.accept("ONLY")
        table = cursor.name()
        if table is None or not cursor.accept("ADD CONSTRAINT") or self._comparing:
            return None
        name = cursor.identifier()
        if name is not None and (cursor.accept("PRIMARY KEY") or cursor.accept("UNIQUE")):
            self._families[Name(table.schema, name)] = self._root(table)
            return self._alone(table)
        if cursor.accept("FOREIGN KEY") and cursor.pass_parentheses() and cursor.accept("REFERENCES"):
            return self._alone(table, cursor.name())
        return None

    def _alone(self, *tables: Name | None) -> Needs | None:
        known = [table for table in tables if table is not None and table in self._tables]
        return {("family", self._root(table)): True for table in known} if len(known) == len(tables) else None

    def _root(self, table: Name) -> Name:
        while table in self._roots and self._roots[table] != table:
            table = self._roots[table]
        return table


def _has_dots(cursor: Cursor) -> bool:
    return any(token.kind is TokenKind.SYMBOL and token.text == "." for token in cursor.left())
