"""What the statements of a dump say about keys: which columns are unique, which join tables, which are checked."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dmrefresh.dump.text.tokens import Cursor, NotAsWritten, NotInEncoding, TokenKind

if TYPE_CHECKING:
    from dmrefresh.dump.events import Name, Statement
    from sanitisers.suggesting.tables import Keys

_LISTED = re.compile(r"""\(?\(?"?(\w+)"?\)?(?:::[\w ]+)?\)? = ANY \(""")
"""As pg_dump writes a check for one of a list: `((status)::text = ANY ((ARRAY['open'::character varying, …`."""

_FORMED = re.compile(r"""CHECK \(\(\(?"?(\w+)"?\)?(?:::[\w ]+)? ~ '((?:[^']|'')+)'::text\)\)""")
"""As it writes a check for a form: `CHECK (((card_number)::text ~ '^FM-[0-9]{8}$'::text))`."""

_NAMES = (TokenKind.WORD, TokenKind.QUOTED)


@dataclass(slots=True)
class KeysRead:
    """What was read so far, by table.

    Attributes:
        codec: Python's name for the dump's encoding.
        primary: columns of the primary key.
        unique: columns of which no value comes twice.
        joins: columns of foreign keys.
        listed: columns for which a check allows a list of values.
        forms: the regular expression that a check holds a column's texts to, by column.
        referenced: tables that another's foreign key leads to.
        leads: each column of a foreign key, the table it leads to, and the column there.
    """

    codec: str
    primary: dict[Name, set[str]] = field(default_factory=dict)
    unique: dict[Name, set[str]] = field(default_factory=dict)
    joins: dict[Name, set[str]] = field(default_factory=dict)
    listed: dict[Name, set[str]] = field(default_factory=dict)
    forms: dict[Name, dict[str, str]] = field(default_factory=dict)
    referenced: set[Name] = field(default_factory=set)
    leads: dict[Name, list[tuple[str, Name, str]]] = field(default_factory=dict)

    def read(self, statement: Statement) -> None:
        """Take what a statement says; one that says nothing of keys, or is written oddly, says nothing here."""
        try:
            if statement.kind == "CREATE TABLE" and statement.target is not None:
                text = statement.sql.decode(self.codec)
                self.listed.setdefault(statement.target, set()).update(_LISTED.findall(text))
                found = {name: form.replace("''", "'") for name, form in _FORMED.findall(text)}
                self.forms.setdefault(statement.target, {}).update(found)
            elif statement.kind.startswith("ALTER TABLE ADD CONSTRAINT"):
                self._constraint(Cursor(statement.sql, self.codec))
            elif statement.kind == "CREATE INDEX":
                self._index(Cursor(statement.sql, self.codec))
        except (NotAsWritten, NotInEncoding, UnicodeDecodeError):
            return

    def _constraint(self, cursor: Cursor) -> None:
        while not cursor.at_end() and not cursor.accept("TABLE"):
            cursor.take()
        cursor.accept("ONLY")
        table = cursor.name()
        if table is None or not cursor.accept("ADD CONSTRAINT"):
            return
        cursor.identifier()
        if cursor.accept("PRIMARY KEY"):
            columns = _names(cursor)
            self.primary.setdefault(table, set()).update(columns)
            self._note_unique(table, columns)
        elif cursor.accept("UNIQUE"):
            cursor.accept("NULLS NOT DISTINCT")
            self._note_unique(table, _names(cursor))
        elif cursor.accept("FOREIGN KEY"):
            columns = _names(cursor)
            self.joins.setdefault(table, set()).update(columns)
            other = cursor.name() if cursor.accept("REFERENCES") else None
            if other is None:
                return
            there = _names(cursor)
            self.leads.setdefault(table, []).extend((one, other, to) for one, to in zip(columns, there, strict=False))
            if other != table:
                self.referenced.add(other)

    def _note_unique(self, table: Name, columns: list[str]) -> None:
        """Of several columns together each may come twice."""
        if len(columns) == 1:
            self.unique.setdefault(table, set()).update(columns)

    def _index(self, cursor: Cursor) -> None:
        cursor.accept("CREATE")
        if not cursor.accept("UNIQUE INDEX"):
            return
        while not cursor.at_end() and not cursor.accept("ON"):
            cursor.take()
        cursor.accept("ONLY")
        table = cursor.name()
        if cursor.accept("USING"):
            cursor.identifier()
        inside = list(cursor.inside())
        names = [token.text for token in inside if token.kind in _NAMES]
        if table is not None and (len(names) == 1 or any(token.text == "(" for token in inside)):
            self.unique.setdefault(table, set()).update(names)

    def of(self, table: Name) -> Keys:
        """What is known about a table."""
        from sanitisers.suggesting.tables import Keys

        return Keys(
            primary=frozenset(self.primary.get(table, ())),
            unique=frozenset(self.unique.get(table, ())),
            joins=frozenset(self.joins.get(table, ())),
            listed=frozenset(self.listed.get(table, ())),
            forms=dict(self.forms.get(table, {})),
            referenced=table in self.referenced,
            leads=tuple((name, str(other), to) for name, other, to in self.leads.get(table, ())),
        )


def _names(cursor: Cursor) -> list[str]:
    """The names between parentheses."""
    return [token.text for token in cursor.inside() if token.kind in _NAMES]
