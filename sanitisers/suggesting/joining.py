"""What foreign keys ask of a suggestion: what refers to a value finds it again, or refers to nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sanitisers.suggesting.columns import nothing
from sanitisers.suggesting.judgement import Confidence, Judgement

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sanitisers.columns import ColumnLike
    from sanitisers.suggesting.tables import Keys, TableSuggestion


def join(
    found: Mapping[str, TableSuggestion], schema: Mapping[str, Sequence[ColumnLike]], keys: Mapping[str, Keys]
) -> None:
    """Give each column of a foreign key the rule of the column that it leads to, so that the result loads.

    What leads into a table that is emptied becomes NULL; where it may not, its own table is emptied, and so on.

    Args:
        found: what is suggested for every table; it is changed in place.
        schema: the columns of each table.
        keys: what the schema says of keys.
    """
    columns = {table: {column.name: column for column in of} for table, of in schema.items()}
    edges = [edge for edge in _edges(keys) if edge[0] in found and edge[2] in found]
    for _ in range(1 + len(edges)):  # each round settles one more step of a chain of tables
        changed = False
        for table, name, other, leads_to in edges:
            changed |= _follow(found, (table, columns[table].get(name)), (other, leads_to))
        if not changed:
            return


def _edges(keys: Mapping[str, Keys]) -> Iterator[tuple[str, str, str, str]]:
    for table, of in keys.items():
        for name, other, leads_to in of.leads:
            yield table, name, other, leads_to


def _follow(
    found: Mapping[str, TableSuggestion], child: tuple[str, ColumnLike | None], parent: tuple[str, str]
) -> bool:
    """Whether something was changed."""
    table, column = child
    other, leads_to = parent
    mine = found[table]
    judged = mine.columns.get(column.name) if column is not None else None
    if column is None or judged is None:
        return False
    if found[other].empties:
        return other != table and _cut_off(mine, column, judged, other)
    of_parent = found[other].columns.get(leads_to)
    if of_parent is None or of_parent.rule == judged.rule or (of_parent.keeps and judged.keeps):
        return False
    mine.columns[column.name] = judged.but(
        of_parent.rule, of_parent.confidence, f"as {other}.{leads_to}, to which it refers"
    )
    return True


def _cut_off(mine: TableSuggestion, column: ColumnLike, judged: Judgement, other: str) -> bool:
    why = f"refers to {other}, which is emptied"
    if not column.not_null:
        if judged.rule == nothing(column):
            return False
        mine.columns[column.name] = judged.but(nothing(column), Confidence.LOW, f"it {why}")
        return True
    mine.columns = {}
    mine.empties = Judgement("empty", Confidence.LOW, f"{column.name} {why}")
    return True
