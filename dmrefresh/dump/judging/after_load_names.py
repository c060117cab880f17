"""The tables and columns that after_load and checks name, held against the dump before anything starts."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from dmrefresh.dump.events import Head, Name
from dmrefresh.dump.judging.after_load import Check, Script, Step, parse, spelt
from dmrefresh.errors import NotSanitised
from dmrefresh.lists import in_lines

if TYPE_CHECKING:
    from sqlglot import exp
    from sqlglot.expressions import Expr

_OF_EVERY_TABLE = {"ctid", "tableoid", "xmin", "xmax", "cmin", "cmax", "default"}
_VIEWS = ("CREATE VIEW", "CREATE MATERIALIZED VIEW", "CREATE FOREIGN TABLE")


def check_names(script: Script, head: Head) -> None:
    """See that every table and column is there.

    Args:
        script: what runs after the load.
        head: the dump's.

    Raises:
        NotSanitised: some are not; each with its place.
    """
    known = _Known(head)
    found: list[str] = []
    statements: list[Step | Check] = [*script.steps, *script.checks]
    for one in statements:
        found += (f"{one.where}: {mistake}" for mistake in known.mistakes(parse(one.sql, one.where)))
    if not found:
        return
    raise NotSanitised(
        f"What is to run after the load does not fit the dump:{in_lines(found)}",
        hint="amend the SQL, then run it again; names without a schema are those of public",
    )


class _Known:
    """The relations of the dump, and the temporary ones that earlier statements make."""

    def __init__(self, head: Head) -> None:
        self._columns: dict[Name, set[str] | None] = {
            name: {column.name for column in table.columns} for name, table in head.schema.tables.items()
        }
        self._columns |= dict.fromkeys(head.schema.sequences)
        for statement in head.statements:  # their columns are not read
            if statement.kind in _VIEWS and statement.target is not None:
                self._columns.setdefault(statement.target, None)
        self._temporary: set[str] = set()

    def mistakes(self, tree: Expr) -> Iterator[str]:
        """What a statement names that is not there."""
        from sqlglot import exp

        if isinstance(tree, exp.Create):
            made = tree.find(exp.Table)
            assert made is not None
            self._temporary.add(spelt(made.this))
        local = {spelt(one.args["alias"].this) for one in tree.find_all(exp.CTE)} | self._temporary
        sources: dict[str, set[str] | None] = {}
        absent = []
        for table in tree.find_all(exp.Table):
            columns = self._columns_of(table, local)
            if isinstance(columns, str):
                absent.append(columns)
            else:
                for name in {spelt(table.this), table.alias and spelt(table.args["alias"].this)} - {""}:
                    sources[name] = _united(sources.get(name, set()), columns)
        yield from dict.fromkeys(absent)
        if not absent:
            yield from dict.fromkeys(self._column_mistakes(tree, sources))

    def _columns_of(self, table: exp.Table, local: set[str]) -> set[str] | str | None:
        """The columns of a table; None where they are not known, and a sentence where there is no such table."""
        from sqlglot import exp

        if not isinstance(table.this, exp.Identifier):
            return None  # a function
        name = Name(spelt(table.args["db"]) if table.args.get("db") else "public", spelt(table.this))
        if not table.args.get("db") and name.name in local:
            return None
        if name in self._columns:
            return self._columns[name]
        if name.schema in ("pg_catalog", "information_schema", "pg_temp") or name.name.startswith("pg_"):
            return None
        return f"there is no table {name} in the dump{_near(str(name), map(str, self._columns))}"

    def _column_mistakes(self, tree: Expr, sources: Mapping[str, set[str] | None]) -> Iterator[str]:
        from sqlglot import exp

        target = tree.this if isinstance(tree, exp.Insert | exp.Update | exp.Delete | exp.Merge) else None
        of_target = None
        if target is not None:
            named = target.this if isinstance(target, exp.Schema) else target
            of_target = sources.get(spelt(named.this))
            if isinstance(target, exp.Schema):
                yield from _absent((spelt(one) for one in target.expressions), of_target, spelt(named.this))
        if isinstance(tree, exp.Update):
            changed = (one.this for one in tree.expressions if isinstance(one, exp.EQ))
            yield from _absent((spelt(one.this) for one in changed if isinstance(one, exp.Column)), of_target, "")
        aliases, open_sources = _local_names(tree) | sources.keys(), None in sources.values() or _has_unnamed(tree)
        everywhere = set().union(*(one for one in sources.values() if one))
        for column in tree.find_all(exp.Column):
            if not isinstance(column.this, exp.Identifier):
                continue  # a star
            name, qualifier = spelt(column.this), column.args.get("table")
            if qualifier is not None:
                of = spelt(qualifier)
                if of in sources:
                    yield from _absent([name], sources[of], of)
                elif of not in aliases and of != "excluded":
                    yield f"there is no {of} to take {name} from"
            elif not open_sources and name not in everywhere | aliases | _OF_EVERY_TABLE:
                yield f"there is no column {name}{_near(name, everywhere)}"


def _local_names(tree: Expr) -> set[str]:
    """Everything that a statement gives a name of its own: outputs, subqueries, their columns."""
    from sqlglot import exp

    found = {spelt(one.args["alias"]) for one in tree.find_all(exp.Alias)}
    for one in tree.find_all(exp.TableAlias):
        parts = (one.this, *(one.args.get("columns") or ()))
        found |= {spelt(part.this if isinstance(part, exp.ColumnDef) else part) for part in parts if part is not None}
    return found


def _has_unnamed(tree: Expr) -> bool:
    """Whether there are columns whose names nobody has written: of functions, and of subqueries' expressions."""
    from sqlglot import exp

    if tree.find(exp.Lateral, exp.Unnest, exp.Values) is not None:
        return True
    inner = (one for one in tree.find_all(exp.Select) if one is not tree)
    return any(not isinstance(column, exp.Column | exp.Alias | exp.Star) for one in inner for column in one.expressions)


def _absent(names: Iterable[str], columns: set[str] | None, of: str) -> Iterator[str]:
    if columns is None:
        return
    for name in names:
        if name not in columns | _OF_EVERY_TABLE:
            yield f"there is no column {of + '.' if of else ''}{name}{_near(name, columns)}"


def _united(one: set[str] | None, other: set[str] | None) -> set[str] | None:
    return None if one is None or other is None else one | other


def _near(name: str, known: Iterable[str]) -> str:
    found = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {found[0]}?" if found else ""
