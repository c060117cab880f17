"""Which line of a ruleset covers a column: a rule of its own, or a line of `defaults:`."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from sanitisers.columns import TYPE_WORDS, type_word
from sanitisers.ruleset.model import Columns

if TYPE_CHECKING:
    from sanitisers.columns import ColumnLike
    from sanitisers.ruleset.model import Ruleset
    from sanitisers.ruleset.rules import ColumnRule


class Cause(Enum):
    """Why a line covers a column."""

    OWN = "a rule of its own"
    NAME = "the line of `defaults:` with its very name"
    PATTERN = "the first line of `defaults:` whose pattern fits its name"
    TYPE = "the line of `defaults:` for its type"


@dataclass(frozen=True, slots=True)
class Covering:
    """What covers a column.

    Attributes:
        rule: what the ruleset says about it.
        path: where in the ruleset.
        cause: why that covers it.
    """

    rule: ColumnRule
    path: tuple[str, ...]
    cause: Cause


def covered_by(ruleset: Ruleset, table: str, column: ColumnLike) -> Covering | None:
    """What covers a column; None where nothing does.

    A rule of the column itself comes first, then a line of `defaults:` with its very name, then the first
    line whose pattern fits its name, then the line with the word for its type. No line of `defaults:` covers
    a column of a type that has no word: text, documents, arrays and domains have rules of their own, or none.
    """
    of_table = ruleset.tables.get(table)
    if isinstance(of_table, Columns) and column.name in of_table.columns:
        return Covering(of_table.columns[column.name], ("tables", table, "columns", column.name), Cause.OWN)
    word = type_word(column)
    lines = ruleset.defaults
    if word is None:  # an `id` that is text may be anything, an address too
        return None
    if column.name in lines and column.name not in TYPE_WORDS:
        return Covering(lines[column.name], ("defaults", column.name), Cause.NAME)
    for pattern, line in lines.items():
        if any(mark in pattern for mark in "*?[") and fnmatch.fnmatchcase(column.name, pattern):
            return Covering(line, ("defaults", pattern), Cause.PATTERN)
    return Covering(lines[word], ("defaults", word), Cause.TYPE) if word in lines else None


def rule_for(ruleset: Ruleset, table: str, column: ColumnLike) -> ColumnRule | None:
    """What the ruleset says about a column; None where it says nothing."""
    found = covered_by(ruleset, table, column)
    return found.rule if found else None
