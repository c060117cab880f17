"""Rules reach down: those of a table hold for its partitions and for the tables that inherit from it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dmrefresh.errors import NotSanitised

if TYPE_CHECKING:
    from dmrefresh.dump.events import Name, Schema, Table
    from sanitisers import Known, Ruleset
    from sanitisers.ruleset.model import TableRule
    from sanitisers.ruleset.rules import ColumnRule


def ruled_by(name: Name, schema: Schema, ruleset: Ruleset) -> Name:
    """The table whose rules hold for this one as they are.

    Args:
        name: a table.
        schema: what the Head says.
        ruleset: the rules.

    Returns:
        Its one parent, or that one's, as long as neither rules nor columns of its own make it another table.
    """
    while (table := schema.tables.get(name)) is not None and len(table.parents) == 1:
        parent = schema.tables[table.parents[0]]
        if str(name) in ruleset.tables or not _names(table) <= _names(parent):
            break
        name = parent.name
    return name


def known_by_rules(known: Known, schema: Schema, ruleset: Ruleset) -> Known:
    """What is known about tables, under the names of those whose rules hold for them.

    Args:
        known: by the names of the tables themselves.
        schema: what the Head says.
        ruleset: the rules.

    Returns:
        The same for tables that the dump does not have. Where the rules of one hold for several, what is unique in any
        of them is so in all, and the rows are those of the largest.
    """
    ruled = {str(name): str(ruled_by(name, schema, ruleset)) for name in schema.tables}
    unique: dict[str, set[str]] = {}
    likely: dict[str, set[str]] = {}
    rows: dict[str, int] = {}
    for found, columns in ((unique, known.unique), (likely, known.likely)):
        for table, names in columns.items():
            found.setdefault(ruled.get(table, table), set()).update(names)
    for table, count in known.rows.items():
        rows[ruled.get(table, table)] = max(count, rows.get(ruled.get(table, table), 0))
    return replace(known, unique=unique, likely=likely, rows=rows)


def with_inherited(ruleset: Ruleset, schema: Schema) -> Ruleset:
    """The ruleset with the rules of parents written out for the tables that have more than these.

    A rule of the table itself comes before those of its parents, and these before the lines of `defaults:`. What a
    parent is emptied of, a child without rules of its own is emptied of as well, and where only some rows of a parent
    stay, so it is with those of a child that does not say it for itself.

    Raises:
        NotSanitised: two parents have different rules for a column, or say differently which rows stay.
    """
    inheriting = [t.name for t in schema.tables.values() if t.parents and ruled_by(t.name, schema, ruleset) == t.name]
    if not inheriting:
        return ruleset
    written_out = {str(name): rule for name in inheriting if (rule := _rule_of(name, schema, ruleset)) is not None}
    return ruleset.model_copy(update={"tables": {**ruleset.tables, **written_out}})


def refuse_bypassed(root: Name, schema: Schema, ruleset: Ruleset) -> None:
    """See that rows which come through the root of partitions pass no rule by.

    Args:
        root: a partitioned table of which the dump has rows.
        schema: what the Head says.
        ruleset: the rules.

    Raises:
        NotSanitised: a partition has other rules than its root; nobody can tell which rows are its own.
    """
    for table in schema.tables.values():
        if table.parents == (root,):
            if str(table.name) in ruleset.tables and _rule_of(table.name, schema, ruleset) != _rule_of(
                root, schema, ruleset
            ):
                raise NotSanitised(
                    f"The rows of {root} come all together, so the rules of its partition {table.name} cannot be kept.",
                    hint=f"give {root} rules that hold for all of it, and {table.name} none",
                )
            refuse_bypassed(table.name, schema, ruleset)


def _rule_of(name: Name, schema: Schema, ruleset: Ruleset) -> TableRule | None:
    from sanitisers.ruleset.model import Columns, Empty

    own, table = ruleset.tables.get(str(name)), schema.tables[name]
    if isinstance(own, Empty) or not table.parents:
        return own
    columns: dict[str, ColumnRule] = {}
    unique = list(own.unique) if own is not None else []
    rows = own.rows if own is not None else None
    for parent in table.parents:
        rule = _rule_of(parent, schema, ruleset)
        if isinstance(rule, Empty) and own is None:
            return rule
        unique += rule.unique if isinstance(rule, Columns) else ()
        for column, what in rule.columns.items() if isinstance(rule, Columns) else ():
            decided = own is not None and column in own.columns
            if not decided and columns.setdefault(column, what) != what:
                raise NotSanitised(
                    f"The column {column} of {name} has different rules in the tables that it comes from.",
                    hint=f"give it a rule of its own: {name}.columns.{column}",
                )
        if own is None or own.rows is None:
            rows = _one_condition(rows, rule, name)
    if own is not None:
        return own.model_copy(update={"columns": columns | own.columns, "rows": rows, "unique": _once(unique)})
    return Columns(columns=columns, rows=rows, unique=_once(unique)) if columns or rows or unique else None


def _once(names: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _one_condition(rows: str | None, rule: TableRule | None, name: Name) -> str | None:
    """Which rows of a child stay, given what was known so far and the rule of one more parent."""
    from sanitisers.ruleset.model import Columns

    of_parent = rule.rows if isinstance(rule, Columns) else None
    if rows is not None and of_parent not in (None, rows):
        raise NotSanitised(
            f"Which rows of {name} stay is said differently by the tables that it inherits from.",
            hint=f"say it for itself: {name}.rows",
        )
    return rows if of_parent is None else of_parent


def _names(table: Table) -> set[str]:
    return {column.name for column in table.columns}
