"""The tables of a run, and what was put in the place of their values, as rows of the page."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dmrefresh.report import words


@dataclass(frozen=True, slots=True)
class TableRow:
    """A table: rows in, out, removed, values replaced, its share of the largest, and how many rows more there are."""

    name: str
    rows_in: int
    rows_out: int
    replaced: int
    share: float
    delta: str | None = None
    warned: bool = False

    @property
    def removed(self) -> int:
        """Rows that did not go on."""
        return self.rows_in - self.rows_out


@dataclass(frozen=True, slots=True)
class Faked:
    """A column, or a path in its documents: values replaced, and a fake or two."""

    column: str
    replaced: int
    samples: tuple[str, ...]


def table_rows(document: Mapping[str, Any], other: Mapping[str, Any] | None) -> list[TableRow]:
    """All tables: those that a warning names first, then the largest."""
    given = _counts(document)
    before = {name: out for name, _, out, _ in _counts(other or {})}
    most = max((rows_in for _, rows_in, _, _ in given), default=0) or 1
    warned = {word for one in document.get("warnings") or () for word in re.findall(r"[\w.]+", one)}
    rows = [
        TableRow(
            words.plain(name),
            rows_in,
            out,
            replaced,
            round(rows_in / most * 100, 1),
            None if other is None else words.signed(out - before[name]) if name in before else "new",
            bool(
                {name, name.rpartition(".")[2]} & {part for word in warned for part in (word, word.partition(".")[0])}
            ),
        )
        for name, rows_in, out, replaced in given
    ]
    return sorted(rows, key=lambda one: (not one.warned, -one.rows_in, one.name))


def _counts(document: Mapping[str, Any]) -> list[tuple[str, int, int, int]]:
    """By table: its name, rows in, rows out, values replaced."""
    if isinstance(document.get("rows"), dict):
        return [(name, rows, rows, 0) for name, rows in document["rows"].items()]
    return [
        (one["name"], one["rows_in"], one["rows_out"], sum(one["replaced"].values()))
        for one in document.get("tables") or ()
    ]


def fakes_by_table(document: Mapping[str, Any]) -> list[tuple[str, list[Faked]]]:
    """By table, what was put in the place of the values of each column; the largest tables first."""
    found = []
    for table in sorted(document.get("tables") or (), key=lambda one: (-one["rows_in"], one["name"])):
        columns = [
            Faked(words.plain(name), number, tuple(words.plain(one) for one in table["samples"].get(name, ())))
            for name, number in table["replaced"].items()
        ]
        if columns:
            found.append((words.plain(table["name"]), columns))
    return found
