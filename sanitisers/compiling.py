"""A ruleset held against a schema: every column gets what becomes of it, or nothing runs."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from sanitisers.columns import TYPE_WORDS, holds_text, type_word
from sanitisers.engine.prf import fingerprint_of
from sanitisers.engine.shapes import Box
from sanitisers.errors import RulesetError, Unclassified
from sanitisers.leaks.checks import Checks, what_is_off
from sanitisers.leaks.reading import Here
from sanitisers.making.box_forms import shape_of
from sanitisers.making.conditions import conditions_of
from sanitisers.making.edits import EditMaking
from sanitisers.making.fitting import Misfit
from sanitisers.making.grouping import grouped
from sanitisers.making.own_people import own_of_people
from sanitisers.making.uniqueness import Known, Unique
from sanitisers.pools import Pools
from sanitisers.ruleset.model import Columns, Empty
from sanitisers.ruleset.rules import Bcrypt, Keep
from sanitisers.ruleset.words import suggestion
from sanitisers.sanitiser import Sanitiser, TablePlan, digest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sanitisers.columns import ColumnLike
    from sanitisers.engine.edits import Edit
    from sanitisers.leaks.reading import Reads
    from sanitisers.ruleset.model import Ruleset
    from sanitisers.ruleset.rules import ColumnRule

SHORTEST_KEY = 16
_NAMED = 20
"""Columns named in one warning."""


def compile_ruleset(
    ruleset: Ruleset,
    schema: Mapping[str, Sequence[ColumnLike]],
    key: bytes,
    *,
    keep_unlisted: bool = False,
    known: Known | None = None,
    remote: bool = True,
    reads: Reads = Here,
) -> Sanitiser:
    """Make the sanitiser for the tables of `schema`.

    `schema` holds the columns of each table, under the name that rulesets use: `users` for `public.users`,
    `other.t` outside the schema public. `key` is secret, at least 16 bytes long, and decides all fakes.
    `keep_unlisted` keeps the columns that nothing covers, and says which in `warnings`. `known` is what somebody has
    found out about the tables. `remote` says that the rows may leave this machine: then accounts that the ruleset has
    locked are. `reads` makes what reads what is looked at for leaks, which may be in another process.

    Raises Unclassified where a column is covered neither by a rule nor by a line of `defaults:`, and
    RulesetError where a rule cannot fit its column. Rules for what is gone are in `warnings` of the result.
    """
    if len(key) < SHORTEST_KEY:
        raise ValueError(f"the key has {len(key)} bytes, it needs {SHORTEST_KEY}")
    making = EditMaking(Pools(ruleset.locale, ruleset.at("locale")), key, ruleset.folder)
    compiling = _Compiling(ruleset, making, known or Known(), remote)
    plans = {table: compiling.plan(table, columns) for table, columns in schema.items()}
    if keep_unlisted:
        compiling.warn_of_unlisted()
    elif compiling.unclassified:
        raise Unclassified(compiling.unclassified, [*compiling.gone_tables(schema), *compiling.gone])
    if compiling.misfits:
        raise RulesetError(compiling.misfits)
    fingerprint = digest(ruleset.model_dump_json(), compiling.making.pools.digest, fingerprint_of(key))
    gone = [*compiling.gone_tables(schema), *compiling.gone]
    warnings = [*gone, *compiling.warnings, *what_is_off(ruleset)]
    return Sanitiser(plans, warnings, fingerprint, Checks.of(ruleset, key, making.texts(), reads), gone)


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
    known: Known
    remote: bool
    unclassified: list[tuple[str, ColumnLike]] = field(default_factory=list)
    misfits: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)

    def plan(self, table: str, columns: Sequence[ColumnLike]) -> TablePlan:
        """What becomes of each column of a table."""
        names = tuple(column.name for column in columns)
        rules = self.ruleset.tables.get(table)
        if isinstance(rules, Empty):
            return TablePlan(names, {}, empties=True)
        for name in rules.columns if rules else ():
            self._warn_unless_there(table, name, columns)
        for name in rules.unique if rules else ():
            if name not in names:
                where = self.ruleset.at("tables", table, "unique")
                self.gone.append(f"{where}: there is no column `{name}`{suggestion(name, [*names])}")
        conditions = conditions_of(self.ruleset, table, rules, columns)
        self.misfits += conditions.mistakes
        present = {column.name: column for column in columns if not column.generated}
        found = {name: rule_for(self.ruleset, table, column) for name, column in present.items()}
        self.unclassified += [(table, present[name]) for name, rule in found.items() if rule is None]
        classified = grouped({name: rule for name, rule in found.items() if rule is not None})
        kept = {name: present[name] for name, rule in classified.items() if isinstance(rule, Keep)}
        whole = {column.name: column for column in columns}
        make = partial(self.making.edit, table=whole, kept=kept, own=own_of_people(classified, present))
        edits: dict[str, Edit] = {}
        for name, rule in classified.items():
            if name in kept:
                continue
            unique = self._unique(table, name, rule, rules)
            if unique is not None:
                rule = found[name] or rule  # the other parts of its address may come twice
            edit = self._edit(table, present[name], rule, make, unique)
            if edit is not None:
                edits[name] = edit
                if isinstance(rule, Bcrypt) and name in conditions.locked and self.remote:
                    edits[name] = self.making.locking(rule, conditions.locked[name])
        stays = [c for c in columns if not c.generated and c.name not in edits and holds_text(c)]
        boxes = {c.name: shape for c in columns if c.name in edits and isinstance(shape := shape_of(c), Box)}
        return TablePlan(
            names,
            edits,
            empties=False,
            kept={c.name: shape_of(c) for c in stays},
            replaced=boxes,
            staying=conditions.staying,
            looks_at=conditions.looks_at,
        )

    def _edit(
        self, table: str, column: ColumnLike, rule: ColumnRule, make: Callable[..., Edit], unique: Unique | None
    ) -> Edit | None:
        """The edit for a column; None where the rule does not fit, which is noted."""
        where = self.ruleset.at("tables", table, "columns", column.name)
        try:
            return make(column, rule, unique=unique)
        except Misfit as misfit:
            if unique is None or unique.certain:
                self.misfits.append(f"{where}: {misfit}")
                return None
            problem = str(misfit)
        try:
            edit = make(column, rule, unique=None)
        except Misfit as misfit:
            self.misfits.append(f"{where}: {misfit}")
            return None
        self.warnings.append(f"{where}: {problem} (as it is in the target; if it is so in the dump, too, it will fail)")
        return edit

    def _unique(self, table: str, column: str, rule: ColumnRule, rules: Columns | None) -> Unique | None:
        """What is known about a column in which no value may come twice; None for any other."""
        known = self.known
        said = column in known.unique.get(table, ()) or getattr(rule, "unique", False)
        said = said or (rules is not None and column in rules.unique)
        likely = known.likely.get(table, ())
        if not said and column not in likely:
            return None
        others: set[str] | None = None
        if table in known.unique or likely:
            of_rules = [name for name, one in rules.columns.items() if getattr(one, "unique", False)] if rules else []
            others = {*known.unique.get(table, ()), *likely, *(rules.unique if rules else ()), *of_rules} - {column}
        return Unique(known.rows.get(table, 0), others, certain=said)

    def _warn_unless_there(self, table: str, name: str, columns: Sequence[ColumnLike]) -> None:
        found = next((column for column in columns if column.name == name), None)
        where = self.ruleset.at("tables", table, "columns", name)
        if found is None:
            near = suggestion(name, [column.name for column in columns])
            if "," in name and "," not in near:
                near = "; in quotes it is one name, commas and all"
            self.gone.append(f"{where}: there is no such column in the dump{near}")
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
            f"{suggestion(table.removeprefix('public.'), [*schema])}"
            for table in self.ruleset.tables
            if table not in schema
        ]
