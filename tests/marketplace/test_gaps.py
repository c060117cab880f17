"""No line of the ruleset can go missing unnoticed: without it the run stops, and the message names what it was for."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from dmrefresh.errors import NotSanitised
from sanitisers import Ruleset
from sanitisers.covering import rule_for
from sanitisers.ruleset.model import Columns
from tests.jobs.scene import Production
from tests.marketplace.streams import drained, shipped
from tests.sanitisers.columns import production_schema

SCHEMA = production_schema()


def lines() -> Iterator[tuple[str, ...]]:
    """The path of each column's rule, each emptied table and each line of `defaults:`."""
    for table, rules in shipped().tables.items():
        if isinstance(rules, Columns):
            yield from (("tables", table, "columns", column) for column in rules.columns)
        else:
            yield "tables", table
    yield from (("defaults", line) for line in shipped().defaults)


def without(path: tuple[str, ...]) -> Ruleset:
    """The shipped ruleset with that line left out."""
    rules = shipped()
    if path[0] == "defaults":
        return rules.model_copy(update={"defaults": {k: v for k, v in rules.defaults.items() if k != path[1]}})
    tables = dict(rules.tables)
    table = tables.pop(path[1])
    if isinstance(table, Columns):
        left = {column: rule for column, rule in table.columns.items() if column != path[3]}
        tables[path[1]] = table.model_copy(update={"columns": left})
    return rules.model_copy(update={"tables": tables})


def uncovered(rules: Ruleset) -> set[tuple[str, str]]:
    """The columns that nothing covers any more."""
    return {
        (table, column.name)
        for table, columns in SCHEMA.items()
        if isinstance(rules.tables.get(table), Columns | None)
        for column in columns
        if rule_for(rules, table, column) is None
    }


def test_every_kind_of_line_is_among_them() -> None:
    found = list(lines())
    assert len(found) > 60
    assert ("tables", "audit_events") in found
    assert ("tables", "users", "columns", "name") in found
    assert ("defaults", "*_at_utc") in found
    assert uncovered(shipped()) == set()


@pytest.mark.usefixtures("cheap_hashes")
@pytest.mark.parametrize("path", list(lines()), ids=".".join)
def test_without_any_single_line_the_run_stops(path: tuple[str, ...], marketplace: Production) -> None:
    rules = without(path)
    missing = uncovered(rules)
    assert missing
    with pytest.raises(NotSanitised) as stopped:
        drained(marketplace.text.read_bytes(), rules)
    table, named = "", set()
    for line in str(stopped.value).splitlines():
        if found := re.fullmatch(r'  "?(\w+)"?:', line):
            table = found[1]
        elif found := re.fullmatch(r'      "?(\w+)"?: .*', line):
            named.add((table, found[1]))
    assert named == missing
