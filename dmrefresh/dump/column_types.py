"""What the types that a dump makes say about the columns that have them: enums, domains, composites, arrays of any."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from dmrefresh.dump.columns import Definition, max_length
from dmrefresh.dump.events import Column, Name
from dmrefresh.dump.tokens import Cursor

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Domain:
    """A domain: the type that it is over, as written, and what a column of it is like."""

    base: str
    column: Column


@dataclass(slots=True)
class Types:
    """The types read so far, by name. What one says is settled when it is read, so that none can hold itself.

    Attributes:
        codec: Python's name for the dump's encoding.
        enums: the labels of each, in order.
        domains: what each is over.
        fields: the attributes of each composite type and the columns of each table, which is a type as well.
    """

    codec: str
    enums: dict[Name, tuple[str, ...]] = field(default_factory=dict)
    domains: dict[Name, Domain] = field(default_factory=dict)
    fields: dict[Name, tuple[Column, ...]] = field(default_factory=dict)

    def add_domain(self, name: Name, base: str, *, not_null: bool) -> None:
        """Note a domain, and whether it refuses NULL by itself."""
        self.domains[name] = Domain(base, self.column(Definition("", base, not_null)))

    def add_fields(self, name: Name, written: Iterable[Definition | Column]) -> None:
        """Note a type with attributes. NULL is refused in them by their domains alone, whatever a table says."""
        self.fields[name] = tuple(self.column(Definition(one.name, one.type)) for one in written)

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
                domain.column,
                name=written.name,
                type=written.type,
                not_null=written.not_null or domain.column.not_null,
                generated=written.generated,
                base=domain.column.base or domain.column.type,
                collated=written.collated or domain.column.collated,
            )
        return Column(
            written.name,
            written.type,
            written.not_null,
            max_length(written.type),
            name in self.enums,
            written.generated,
            labels=self.enums.get(name, ()) if name else (),
            fields=self.fields.get(name, ()) if name else (),
            collated=written.collated,
        )

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
