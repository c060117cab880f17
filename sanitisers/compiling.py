"""A ruleset held against a schema: every column gets what becomes of it, or nothing runs."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sanitisers.columns import TYPE_WORDS, Kind, holds_text, kind, type_word
from sanitisers.edit_making import EditMaking, Misfit
from sanitisers.engine.prf import fingerprint_of
from sanitisers.errors import RulesetError, Unclassified
from sanitisers.leak_check import LeakCheck
from sanitisers.pools import Pools
from sanitisers.ruleset.model import Empty
from sanitisers.ruleset.rules import Keep
from sanitisers.sanitiser import Sanitiser, TablePlan, digest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sanitisers.columns import ColumnLike
    from sanitisers.engine.edits import Edit
    from sanitisers.ruleset.model import Ruleset
    from sanitisers.ruleset.rules import ColumnRule

SHORTEST_KEY = 16
_NAMED = 20
"""Columns named in one warning."""


def compile_ruleset(
    ruleset: Ruleset, schema: Mapping[str, Sequence[ColumnLike]], key: bytes, *, keep_unlisted: bool = False
) -> Sanitiser:
    """Make the sanitiser for the tables of `schema`.

    `schema` holds the columns of each table, under the name that rulesets use: `users` for `public.users`,
    `other.t` outside the schema public. `key` is secret, at least 16 bytes long, and decides all fakes.
    `keep_unlisted` keeps the columns that nothing covers, and says which in `warnings`.

    Raises Unclassified where a column is covered neither by a rule nor by a line of `defaults:`, and
    RulesetError where a rule cannot fit its column. Rules for what is gone are in `warnings` of the result.
    """
    if len(key) < SHORTEST_KEY:
        raise ValueError(f"the key has {len(key)} bytes, it needs {SHORTEST_KEY}")
    compiling = _Compiling(ruleset, EditMaking(Pools(ruleset.locale), key))
    plans = {table: compiling.plan(table, columns) for table, columns in schema.items()}
    if keep_unlisted:
        compiling.warn_of_unlisted()
    elif compiling.unclassified:
        raise Unclassified(compiling.unclassified)
    if compiling.misfits:
        raise RulesetError(compiling.misfits)
    fingerprint = digest(ruleset.model_dump_json(), compiling.making.pools.digest, fingerprint_of(key))
    warnings = [*compiling.gone_tables(schema), *compiling.warnings, *_check_is_off(ruleset)]
    check = LeakCheck(key, ruleset.leaks) if ruleset.leak_check is None else None
    return Sanitiser(plans, warnings, fingerprint, check, compiling.making.texts)


def _check_is_off(ruleset: Ruleset) -> list[str]:
    if ruleset.leak_check is None:
        return []
    return [f"{ruleset.at('leak_check')}: what is kept is not searched for what is replaced ({ruleset.leak_check})"]


def rule_for(ruleset: Ruleset, table: str, column: ColumnLike) -> ColumnRule | None:
    """What the ruleset says about a column; None where it says nothing.

    A rule of the column itself comes first, then a line of `defaults:` with its very name, then the first
    line whose pattern fits its name, then the line with the word for its type. No line of `defaults:` covers
    a column of a type that has no word: text, documents, arrays and domains have rules of their own, or none.
    """
    of_table = ruleset.tables.get(table)
    if of_table is not None and not isinstance(of_table, Empty) and column.name in of_table.columns:
        return of_table.columns[column.name]
    word = type_word(column)
    lines = ruleset.defaults
    if word is None:  # an `id` that is text may be anything, an address too
        return None
    if column.name in lines and column.name not in TYPE_WORDS:
        return lines[column.name]
    for pattern, line in lines.items():
        if any(mark in pattern for mark in "*?[") and fnmatch.fnmatchcase(column.name, pattern):
            return line
    return lines.get(word)


@dataclass(slots=True)
class _Compiling:
    """What comes to light while the tables are gone through."""

    ruleset: Ruleset
    making: EditMaking
    unclassified: list[tuple[str, ColumnLike]] = field(default_factory=list)
    misfits: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def plan(self, table: str, columns: Sequence[ColumnLike]) -> TablePlan:
        """What becomes of each column of a table."""
        names = tuple(column.name for column in columns)
        rules = self.ruleset.tables.get(table)
        if isinstance(rules, Empty):
            return TablePlan(names, {}, empties=True)
        for name in rules.columns if rules else ():
            self._warn_unless_there(table, name, columns)
        kept = {c.name: c for c in columns if not c.generated and isinstance(rule_for(self.ruleset, table, c), Keep)}
        edits: dict[str, Edit] = {}
        for column in columns:
            if column.generated:
                continue
            rule = rule_for(self.ruleset, table, column)
            if rule is None:
                self.unclassified.append((table, column))
            elif not isinstance(rule, Keep):
                try:
                    edits[column.name] = self.making.edit(column, rule, kept)
                except Misfit as misfit:
                    where = self.ruleset.at("tables", table, "columns", column.name)
                    self.misfits.append(f"{where}: {misfit}")
        stays = [c for c in columns if not c.generated and c.name not in edits and holds_text(c)]
        return TablePlan(names, edits, empties=False, kept={c.name: kind(c) is Kind.JSON for c in stays})

    def _warn_unless_there(self, table: str, name: str, columns: Sequence[ColumnLike]) -> None:
        found = next((column for column in columns if column.name == name), None)
        where = self.ruleset.at("tables", table, "columns", name)
        if found is None:
            self.warnings.append(f"{where}: there is no such column in the dump")
        elif found.generated:
            self.warnings.append(f"{where}: the server computes this column, so the rule has nothing to do")

    def warn_of_unlisted(self) -> None:
        """A warning that names the columns which nothing covers."""
        if self.unclassified:
            named = ", ".join(f"{table}.{column.name}" for table, column in self.unclassified[:_NAMED])
            more = len(self.unclassified) - _NAMED
            self.warnings.append(f"kept without a rule: {named}" + (f" and {more} more" if more > 0 else ""))

    def gone_tables(self, schema: Mapping[str, object]) -> list[str]:
        """A warning for each table that has rules and is not in the dump."""
        return [
            f"{self.ruleset.at('tables', table)}: there is no such table in the dump"
            for table in self.ruleset.tables
            if table not in schema
        ]
