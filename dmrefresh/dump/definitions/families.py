"""What a dump may say about tables that are partitions of others or inherit from them."""

from __future__ import annotations

from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from dmrefresh.dump.text.tokens import NotAsWritten
from dmrefresh.errors import DumpRefused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dmrefresh.dump.events import Column, Name, Place, Table


def attached(leaf: Table, parent: Table | None, place: Place) -> Table:
    """A table as it is once it has become a partition.

    Args:
        leaf: the table as it was created.
        parent: what it becomes a partition of, where the dump makes that.
        place: of the statement that attaches it.

    Raises:
        DumpRefused: the dump does not make the parent, or the two have other columns than each other, which no server
            takes: rules for the parent's columns would be kept for others.
        NotAsWritten: the parent has no partitions, or the leaf has a parent already.
    """
    if parent is None:
        raise not_made("attaches a partition to", place)
    if leaf.parents or not parent.partitioned:
        raise NotAsWritten
    if not _are_alike(leaf.columns, parent.columns):
        raise DumpRefused(
            f"The columns of {leaf.name}, a partition from {place} on, are not those of {parent.name}.",
        )
    return replace(leaf, parents=(parent.name,))


def inherited(parents: tuple[Table | None, ...], place: Place) -> dict[str, Column]:
    """The columns that a table has from others, by name.

    Args:
        parents: the others, None for one that the dump does not make.
        place: of the statement that creates the table.

    Raises:
        DumpRefused: the dump does not make one of the parents.
        NotAsWritten: two of them have a column of the same name and other types.
    """
    columns: dict[str, Column] = {}
    for parent in parents:
        if parent is None:
            raise not_made("makes a table that inherits from", place)
        for column in parent.columns:
            if columns.setdefault(column.name, column).type != column.type:
                raise NotAsWritten
    return columns


def refuse_circles(tables: Mapping[Name, Table]) -> None:
    """See that no table descends from itself: whoever goes from a table to its parents would never arrive.

    Args:
        tables: all of the dump.

    Raises:
        DumpRefused: one does.
    """
    try:
        TopologicalSorter({name: table.parents for name, table in tables.items()}).prepare()
    except CycleError as error:
        circle: list[Name] = error.args[1]
    else:
        return
    raise DumpRefused(f"The dump makes the table {circle[0]} a partition of itself.")


def not_made(does: str, place: Place) -> DumpRefused:
    """What is raised where a table belongs to one that is not in the dump.

    Args:
        does: what the dump does to that one, with the preposition that comes before it.
        place: where.
    """
    return DumpRefused(
        f"The dump {does} a table that it does not make, at {place}.",
        hint="make the dump whole, without --table and --exclude-table",
    )


def _are_alike(leaf: tuple[Column, ...], parent: tuple[Column, ...]) -> bool:
    """Whether the columns have the same names and types, and the leaf's are computed where the parent's are."""
    types = {column.name: column.type for column in leaf}
    computed = {column.name for column in leaf if column.generated}
    return types == {column.name: column.type for column in parent} and computed >= {
        column.name for column in parent if column.generated
    }
