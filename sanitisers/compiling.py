"""A ruleset held against a schema: every column gets what becomes of it, or nothing runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from sanitisers.columns import holds_text
from sanitisers.covering import rule_for
from sanitisers.engine.prf import fingerprint_of
from sanitisers.engine.shapes import Box
from sanitisers.errors import NAMED, RulesetError, Unclassified
from sanitisers.leaks.checks import Checks, what_is_off
from sanitisers.leaks.reading import Here
from sanitisers.making.box_forms import shape_of
from sanitisers.making.conditions import conditions_of
from sanitisers.making.edits import EditMaking
from sanitisers.making.fitting import Misfit
from sanitisers.making.grouping import grouped
from sanitisers.making.own_people import own_of_people
from sanitisers.making.uniqueness import Known, Unique
from sanitisers.near import did_you_mean
from sanitisers.pools import Pools
from sanitisers.ruleset.joined_names import what_looks_joined
from sanitisers.ruleset.model import Columns, Empty
from sanitisers.ruleset.rules import Bcrypt, Keep
from sanitisers.sanitiser import Sanitiser, TablePlan, digest
from sanitisers.suggesting.proposal import lines_to_paste

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sanitisers.columns import ColumnLike
    from sanitisers.engine.deciding import Condition
    from sanitisers.engine.edits import Edit
    from sanitisers.leaks.reading import Reads
    from sanitisers.ruleset.model import Ruleset
    from sanitisers.ruleset.rules import ColumnRule

SHORTEST_KEY = 16


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
    locked are. `reads` makes what reads what is looked at for leaks.

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
        found = compiling.unclassified
        raise Unclassified(found, lines_to_paste(found), [*compiling.gone_tables(schema), *compiling.gone])
    if compiling.misfits:
        raise RulesetError(compiling.misfits)
    fingerprint = digest(ruleset.model_dump_json(), compiling.making.pools.digest, fingerprint_of(key))
    gone = [*compiling.gone_tables(schema), *compiling.gone]
    warnings = [*gone, *compiling.warnings, *what_is_off(ruleset), *what_looks_joined(ruleset)]
    return Sanitiser(plans, warnings, fingerprint, Checks.of(ruleset, key, making.texts(), reads), gone)


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
        self._note_what_is_gone(table, rules, columns)
        conditions = conditions_of(self.ruleset, table, rules, columns)
        self.misfits += conditions.mistakes
        edits = self._edits(table, rules, columns, conditions.locked)
        stays = [c for c in columns if not c.generated and c.name not in edits and holds_text(c)]
        return TablePlan(
            names,
            edits,
            empties=False,
            kept={c.name: shape_of(c) for c in stays},
            replaced={c.name: shape for c in columns if c.name in edits and isinstance(shape := shape_of(c), Box)},
            staying=conditions.staying,
            looks_at=conditions.looks_at,
        )

    def _edits(
        self, table: str, rules: Columns | None, columns: Sequence[ColumnLike], locked: Mapping[str, Condition]
    ) -> dict[str, Edit]:
        """The edit of each column that does not stay as it is, but for those whose rule does not fit."""
        present = {column.name: column for column in columns if not column.generated}
        covered = self._rules(table, present)
        kept = {name: present[name] for name, rule in covered.items() if isinstance(rule, Keep)}
        unique = {name: self._unique(table, name, rule, rules) for name, rule in covered.items() if name not in kept}
        together = grouped(covered)
        make = partial(
            self.making.edit,
            table={column.name: column for column in columns},
            kept=kept,
            own=own_of_people(together, present),
        )
        edits: dict[str, Edit] = {}
        for name, known in unique.items():
            # Where no value may come twice, the other parts of an address do not decide: they may.
            rule = together[name] if known is None else covered[name]
            edit = self._edit(table, present[name], rule, make, known)
            if edit is not None and isinstance(rule, Bcrypt) and name in locked and self.remote:
                edit = self.making.locking(rule, locked[name])
            if edit is not None:
                edits[name] = edit
        return edits

    def _rules(self, table: str, present: Mapping[str, ColumnLike]) -> dict[str, ColumnRule]:
        """The rule of each column; those that nothing covers are noted."""
        found = {name: rule_for(self.ruleset, table, column) for name, column in present.items()}
        self.unclassified += [(table, present[name]) for name, rule in found.items() if rule is None]
        return {name: rule for name, rule in found.items() if rule is not None}

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

    def _note_what_is_gone(self, table: str, rules: Columns | None, columns: Sequence[ColumnLike]) -> None:
        """A warning for each rule about a column that is not there, or that the server computes."""
        generated = {column.name: column.generated for column in columns}
        for name in rules.columns if rules else ():
            where = self.ruleset.at("tables", table, "columns", name)
            if name not in generated:
                near = did_you_mean(name, generated)
                if "," in name and "," not in near:
                    near = "; in quotes it is one name, commas and all"
                self.gone.append(f"{where}: there is no such column in the dump{near}")
            elif generated[name]:
                self.warnings.append(f"{where}: the server computes this column, so the rule has nothing to do")
        for name in rules.unique if rules else ():
            if name not in generated:
                where = self.ruleset.at("tables", table, "unique")
                self.gone.append(f"{where}: there is no column `{name}`{did_you_mean(name, generated)}")

    def warn_of_unlisted(self) -> None:
        """A warning that names the columns which nothing covers."""
        if self.unclassified:
            named = ", ".join(f"{table}.{column.name}" for table, column in self.unclassified[:NAMED])
            more = len(self.unclassified) - NAMED
            self.warnings.append(f"kept without a rule: {named}" + (f" and {more} more" if more > 0 else ""))

    def gone_tables(self, schema: Mapping[str, object]) -> list[str]:
        """A warning for each table that has rules and is not in the dump."""
        return [
            f"{self.ruleset.at('tables', table)}: there is no such table in the dump"
            f"{did_you_mean(table.removeprefix('public.'), schema)}"
            for table in self.ruleset.tables
            if table not in schema
        ]
