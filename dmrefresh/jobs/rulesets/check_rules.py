"""sanitisers check: a ruleset held against what it is for, without looking at a row."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from functools import partial

from dmrefresh.dump.events import Event, Head, Statement, head_of
from dmrefresh.dump.judging.after_load import script_of
from dmrefresh.dump.judging.after_load_names import check_names
from dmrefresh.dump.judging.literals import Literals
from dmrefresh.dump.sanitise import compiled_for
from dmrefresh.errors import NotSanitised
from dmrefresh.jobs.rulesets.given import Given, events
from dmrefresh.jobs.rulesets.rules import read_ruleset
from dmrefresh.observer import Observer
from sanitisers import Ruleset


@dataclass(slots=True)
class CheckedRules:
    """What came of it.

    Attributes:
        ruleset: its name.
        ok: whether a run would begin.
        tables, columns: of what it was held against.
        errors: what would stop a run, each with what to do about it.
        warnings: what would not.
    """

    ruleset: str
    tables: int = 0
    columns: int = 0
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    version: int = 1

    @property
    def ok(self) -> bool:
        """Whether nothing stands against it."""
        return not self.errors

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {**asdict(self), "ok": self.ok}

    def lines(self) -> list[str]:
        """The verdict first."""
        what = f"{self.tables} tables, {self.columns} columns"
        if self.ok:
            said = [f"{self.ruleset}: fits; {what}"]
        else:
            said = [f"{self.ruleset}: {len(self.errors)} thing(s) would stop a run; {what}"]
        for error in self.errors:
            said += ["", *error.split("\n")]
        if self.warnings:
            said.append("")
        return said + [f"warning: {warning}" for warning in self.warnings]


def run(given: Given, ruleset: str, observer: Observer, *, strict: bool = False) -> CheckedRules:
    """Hold a ruleset against the definitions in a dump, a schema file or a database.

    Args:
        given: what it is held against; of a database only the definitions are read.
        ruleset: its name or file.
        observer: is told what is read.
        strict: a rule for what is gone is an error.

    Raises:
        UsageFailure: there is no such ruleset, or it says something that cannot be meant.
        Failure: what is given cannot be read.
    """
    rules = read_ruleset(ruleset)
    found = CheckedRules(ruleset)
    with events(given, observer, rows=False) as stream:
        head = head_of(stream)
        found.tables = len(head.schema.tables)
        found.columns = sum(len(table.columns) for table in head.schema.tables.values())
        _note(found, lambda: check_names(script_of(rules), head))
        _note(found, lambda: _compile(found, rules, head, strict=strict))
        _literals(found, rules, head, stream, strict=strict)
    return found


def _compile(found: CheckedRules, rules: Ruleset, head: Head, *, strict: bool) -> None:
    compiled = compiled_for(rules, head, secrets.token_bytes(32))
    found.warnings += [warning for warning in compiled.warnings if not strict or warning not in compiled.gone]
    found.errors += compiled.gone if strict else ()


def _literals(found: CheckedRules, rules: Ruleset, head: Head, stream: Iterator[Event], *, strict: bool) -> None:
    literals = Literals(head, rules)
    _note(found, literals.check_head)
    for event in stream:
        if isinstance(event, Statement):
            _note(found, partial(literals.check, event, stream))
    (found.errors if strict else found.warnings).extend(literals.warnings())


def _note(found: CheckedRules, check: Callable[[], None]) -> None:
    try:
        check()
    except NotSanitised as failure:
        found.errors.append(failure.what)
        if failure.hint and "\n" in failure.hint:
            found.errors[-1] += f"\nhint: {failure.hint}"
