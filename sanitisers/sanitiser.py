"""What a compiled ruleset can do: hand out the sanitiser of a table, and tell what was done."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sanitisers.assumed import Assumed
from sanitisers.engine.table import TableSanitiser
from sanitisers.engine.tally import SharedTally, TableReport
from sanitisers.engine.watch import Watch
from sanitisers.errors import Leaked, LooksPersonal, RulesetError, Unclassified
from sanitisers.suggesting.proposal import leaks_to_paste, lines_to_paste

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sanitisers.engine.deciding import Condition
    from sanitisers.engine.edits import Edit
    from sanitisers.engine.shapes import Shape
    from sanitisers.leaks.checks import Checks
    from sanitisers.leaks.detection import Detected
    from sanitisers.leaks.leak_check import Compared, Leak
    from sanitisers.leaks.looking import Place
    from sanitisers.leaks.seen import Seen


@dataclass(frozen=True, slots=True)
class TablePlan:
    """What becomes of a table: its columns as the schema has them, and the edit of each that changes.

    `kept` are the columns that stay and may hold any text, `replaced` those with an edit that hold other values,
    both with what they are made of. Only rows that `staying` is true for go on; `looks_at` are the columns that decide
    about rows.
    """

    columns: tuple[str, ...]
    edits: Mapping[str, Edit]
    empties: bool
    kept: Mapping[str, Shape] = field(default_factory=dict)
    replaced: Mapping[str, Shape] = field(default_factory=dict)
    staying: Condition | None = None
    looks_at: frozenset[str] = frozenset()


_NOT_THERE = "not in the schema of the dump"


class Sanitiser:
    """All tables of a schema, ready to be sanitised.

    Attributes:
        warnings: rules for what is gone, and what else is to be known, one sentence each.
        gone: those of them that are about rules for tables and columns that are not there.
        fingerprint: of the ruleset, the pools and the key (which cannot be found out from it).
        by_chance: what the leak check found that may be a leak, but is seen by chance as often.
        compared: what the leak check has held against each other; None before it did.
        detected: what looks like personal data in what is kept; nothing before all rows were seen.
    """

    def __init__(
        self,
        plans: Mapping[str, TablePlan],
        warnings: Sequence[str],
        fingerprint: str,
        checks: Checks | None = None,
        gone: Sequence[str] = (),
    ) -> None:
        """Take what `compile_ruleset` found, and what is looked for in the rows."""
        self._plans = plans
        self._checks = checks
        self.by_chance: list[Leak] = []
        self.compared: Compared | None = None
        self.detected: list[Detected] = []
        self._tallies: dict[str, SharedTally] = {}
        self.warnings = tuple(warnings)
        self.gone = tuple(gone)
        self.fingerprint = fingerprint

    def table(self, table: str, columns: Sequence[str]) -> TableSanitiser:
        """The sanitiser of a table whose rows have these columns, in this order.

        Raises Unclassified where the schema has no such table, or the table no such column, and RulesetError where
        the rows lack a column that decides about them.
        """
        plan = self._plans.get(table)
        known = plan.columns if plan else ()
        if strangers := [Assumed(name, _NOT_THERE, not_null=True) for name in columns if name not in known]:
            found = [(table, stranger) for stranger in strangers]
            raise Unclassified(found, lines_to_paste(found))
        if plan is None:
            plan = TablePlan((), {}, empties=False)
        if absent := sorted(plan.looks_at.difference(columns)):
            raise RulesetError([f"{table}: the rows come without `{absent[0]}`, which decides about them"])
        looking = self._checks.looking if self._checks else None
        watch = Watch(looking, table, columns, plan.edits, plan.kept, plan.replaced) if looking else None
        tally = self._tallies.setdefault(table, SharedTally())
        return TableSanitiser(
            table, columns, plan.edits, tally, empties=plan.empties, watch=watch, staying=plan.staying
        )

    @property
    def places(self) -> list[Place]:
        """Where something is looked at, as far as tables were asked for."""
        return self._checks.looking.places if self._checks else []

    def add(self, seen: Seen) -> None:
        """Take what a fellow has seen in the rows that it was given, of tables that were asked for here, too."""
        if self._checks is not None:
            self._checks.add(seen)

    def check_leaks(self) -> None:
        """Once all rows were seen: raise Leaked where a kept text holds what a rule replaces.

        Raises LooksPersonal where it holds what looks personal, and the ruleset says that this stops the run.
        """
        if self._checks is None:
            return
        found = self._checks.found({table: report.rows_in for table, report in self.report().items()})
        self.detected, self.compared, self.by_chance = found.detected, found.compared, found.by_chance
        if found.leaks:
            raise Leaked(found.leaks, leaks_to_paste(found.leaks))
        if self.detected and self._checks.stops:
            raise LooksPersonal(self.detected, leaks_to_paste(self.detected))

    def unmatched_leaks(self) -> list[str]:
        """What `leaks:` of the ruleset allows and nothing so far was about."""
        return list(self._checks.looking.unmatched) if self._checks else []

    def report(self) -> dict[str, TableReport]:
        """What was done so far to each table that was asked for. Its samples are fakes, never originals."""
        return {table: tally.report() for table, tally in self._tallies.items()}


def digest(*texts: str) -> str:
    """A short hash over several texts."""
    whole = hashlib.sha256()
    for text in texts:
        whole.update(f"{len(text)}:{text}".encode())
    return whole.hexdigest()[:16]
