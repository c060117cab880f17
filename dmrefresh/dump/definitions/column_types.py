"""What the types that a dump makes say about the columns that have them: enums, domains, composites, arrays of any."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from dmrefresh.dump.definitions.columns import Definition, max_length
from dmrefresh.dump.events import Column, Name
from dmrefresh.dump.text.tokens import Cursor

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dmrefresh.dump.events import Table


MOST_PARTS, DEEPEST = 100_000, 50
"""Of a type that is looked into. One that has more, or is deeper, counts as one that holds no others."""


@dataclass(slots=True)
class Types:
    """The types read so far, by name. What one says is settled when it is read, so that none can hold itself.

    Attributes:
        codec: Python's name for the dump's encoding.
        tables: those read so far, each of which is a type as well.
        enums: the labels of each, in order.
        domains: what a column of each is like; its type is what the domain is over, as written.
        fields: the attributes of each composite type, and the columns of each table that was asked for as a type.
    """

    codec: str
    tables: Mapping[Name, Table]
    enums: dict[Name, tuple[str, ...]] = field(default_factory=dict)
    domains: dict[Name, Column] = field(default_factory=dict)
    fields: dict[Name, tuple[Column, ...]] = field(default_factory=dict)
    _extents: dict[Name, tuple[int, int]] = field(default_factory=dict)
    """How many parts each has, and how deep they are nested."""

    def add_domain(self, name: Name, written: Definition) -> None:
        """Note a domain: what it is over, whether it refuses NULL by itself, and how it is collated."""
        base = written.type
        parts, depth = self._extent(base)
        if depth < DEEPEST:
            self._extents[name] = parts, depth + 1
            self.domains[name] = self.column(written)
        else:
            self.domains[name] = Column("", base, written.not_null, collated=written.collated)

    def add_fields(self, name: Name, written: Iterable[Definition | Column]) -> None:
        """Note a type with attributes. NULL is refused in them by their domains alone, whatever a table says."""
        columns = [Definition(one.name, one.type, collated=one.collated) for one in written]
        extents = [self._extent(column.type) for column in columns]
        parts, depth = 1 + sum(parts for parts, _ in extents), 1 + max((depth for _, depth in extents), default=0)
        if parts <= MOST_PARTS and depth <= DEEPEST:
            self._extents[name] = parts, depth
            self.fields[name] = tuple(self.column(column) for column in columns)

    def column(self, written: Definition) -> Column:
        """A column with what the types of the dump say about it."""
        if written.type.endswith("]"):
            return Column(
                written.name,
                written.type,
                written.not_null,
                generated=written.generated,
                element=self.column(Definition("[]", _without_dimensions(written.type))),
                collated=written.collated,
            )
        name = self._name(written.type)
        if name is not None and (domain := self.domains.get(name)):
            return replace(
                domain,
                name=written.name,
                type=written.type,
                not_null=written.not_null or domain.not_null,
                generated=written.generated,
                base=domain.base or domain.type,
                collated=written.collated or domain.collated,
            )
        return Column(
            written.name,
            written.type,
            written.not_null,
            max_length(written.type),
            name in self.enums,
            written.generated,
            labels=self.enums.get(name, ()) if name else (),
            fields=self._fields_of(name) if name else (),
            collated=written.collated,
        )

    def _extent(self, written: str) -> tuple[int, int]:
        name = self._name(_without_dimensions(written))
        if name is None:
            return 1, 1
        self._fields_of(name)
        return self._extents.get(name, (1, 1))

    def _fields_of(self, name: Name) -> tuple[Column, ...]:
        if name not in self.fields and (table := self.tables.get(name)):
            self.fields[name] = ()  # so that no table is looked for inside of itself
            self.add_fields(name, table.columns)
        return self.fields.get(name, ())

    def _name(self, written: str) -> Name | None:
        """The type's name where it is nothing but a qualified name, as those of the dump's own types are."""
        if "." not in written:
            return None
        cursor = Cursor(written.encode(self.codec), self.codec)
        name = cursor.name()
        return name if cursor.at_end() else None


def _without_dimensions(written: str) -> str:
    """What an array is of. The server does not hold the number of dimensions or their lengths against values."""
    while written.endswith("]"):
        written = written[: max(written.rfind("["), 0)].rstrip()
    return written
