"""sanitisers preview: the first rows of a dump before and after; originals are shown by their shapes alone."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

from dmrefresh.console.lines import printable
from dmrefresh.dump.events import Column, Event, Head, Name, Schema, TableData, head_of
from dmrefresh.dump.judging.inheritance import ruled_by, with_inherited
from dmrefresh.dump.sanitise import sanitise
from dmrefresh.dump.text.transcoding import transcoder_for
from dmrefresh.errors import NotSanitised, UsageFailure
from dmrefresh.jobs.rulesets.given import Given, events
from dmrefresh.jobs.rulesets.rules import read_ruleset, sanitiser_key
from dmrefresh.observer import Observer
from sanitisers import Ruleset
from sanitisers.covering import rule_for
from sanitisers.ruleset.model import Empty
from sanitisers.ruleset.rules import ColumnRule
from sanitisers.showing.previewing import SAME, Shown, shown

_NARROWEST = 60


@dataclass(slots=True)
class TableShown:
    """A table's first rows: for each row what is in it, or nothing where the row is dropped."""

    name: str
    empties: bool
    rows: list[list[Shown] | None] = field(default_factory=list)

    def lines(self, width: int, *, everything: bool) -> Iterator[str]:
        """Lines of at most so many characters; without `everything`, what stays as it is is named only."""
        if self.empties:
            yield f"{self.name}: emptied"
            return
        dropped = sum(row is None for row in self.rows)
        yield f"{self.name}: {_rows(len(self.rows))}{f', {dropped} of them dropped' if dropped else ''}"
        columns: dict[str, list[Shown]] = {}
        for row in self.rows:
            for one in row or ():
                columns.setdefault(one.where, []).append(one)
        stays = [name for name, values in columns.items() if all(one.after == SAME for one in values)]
        for name, values in columns.items():
            if everything or name not in stays:
                yield from _column(name, values, width)
        if stays and not everything:
            yield from _named(stays, width)


@dataclass(frozen=True, slots=True)
class Preview:
    """What was shown of each table."""

    tables: list[TableShown]

    def lines(self, width: int, *, everything: bool = False) -> Iterator[str]:
        """For people, a table after another."""
        for index, table in enumerate(self.tables):
            if index:
                yield ""
            for line in table.lines(max(width, _NARROWEST), everything=everything):
                yield printable(line)


def run(given: Given, ruleset: str, observer: Observer, *, tables: Sequence[str] = (), rows: int = 3) -> Preview:
    """Sanitise the first rows of some tables, or of all.

    Reading ends where all of them have come, so whether a dump is whole is not known by this.

    Args:
        given: what the rows are of.
        ruleset: a ruleset's name or file.
        observer: is told about the dump.
        tables: by the names that rulesets use.
        rows: of each table.

    Raises:
        UsageFailure: there is no such table or ruleset.
        NotSanitised: the ruleset does not cover everything, or a row cannot be sanitised.
        Failure: it cannot be read.
    """
    rules = read_ruleset(ruleset)
    with events(given, observer, rows=True) as stream:
        head = head_of(stream)
        wanted = _wanted(head.schema, tables)
        given_rows: deque[TableData] = deque()
        feed = _first_rows(head, stream, wanted, rows, given_rows)
        found = {name: TableShown(str(name), _is_emptied(name, head.schema, rules)) for name in wanted}
        ruled = with_inherited(rules, head.schema)
        for event in sanitise(feed, rules, sanitiser_key(given.settings)):
            if isinstance(event, TableData) and not found[event.table].empties:
                found[event.table].rows.append(_row(head, ruled, rules, given_rows.popleft(), event))
            elif isinstance(event, TableData):
                given_rows.popleft()
    return Preview([one for one in found.values() if one.rows or one.empties or tables])


def _wanted(schema: Schema, tables: Sequence[str]) -> list[Name]:
    known = {str(name): name for name in schema.tables}
    for table in tables:
        if table.removeprefix("public.") not in known:
            near = get_close_matches(table, known, n=3, cutoff=0.6)
            hint = f"did you mean {' or '.join(near)}?" if near else f"there are: {', '.join(list(known)[:12])}"
            raise UsageFailure(f"The dump has no table {table}.", hint=hint)
    return [known[table.removeprefix("public.")] for table in dict.fromkeys(tables)] or list(known.values())


def _is_emptied(name: Name, schema: Schema, rules: Ruleset) -> bool:
    return isinstance(rules.tables.get(str(ruled_by(name, schema, rules))), Empty)


def _first_rows(
    head: Head, stream: Iterator[Event], wanted: Sequence[Name], rows: int, given: deque[TableData]
) -> Iterator[Event]:
    """The Head, and then the first rows of each table one by one, until all tables wanted have been passed."""
    yield head
    left = dict.fromkeys(wanted, rows)
    waiting = set(wanted)
    for event in stream:
        if not isinstance(event, TableData):
            continue
        lines = bytes(event.rows).split(b"\n", left.get(event.table, 0))
        for line in lines[: min(left.get(event.table, 0), event.count)]:
            left[event.table] -= 1
            one = replace(event, rows=line + b"\n", count=1)
            given.append(one)
            yield one
        if event.last or not left.get(event.table, 1):
            waiting.discard(event.table)
        if not waiting:
            return


def _row(head: Head, ruled: Ruleset, rules: Ruleset, before: TableData, after: TableData) -> list[Shown] | None:
    if not after.count:
        return None
    columns: dict[str, Column] = {column.name: column for column in head.schema.tables[before.table].columns}
    table = str(ruled_by(before.table, head.schema, rules))
    in_rows = [columns[name] for name in before.columns]
    by_column: Mapping[str, ColumnRule | None] = {one.name: rule_for(ruled, table, one) for one in in_rows}
    transcoder = transcoder_for(head.encoding)
    if bytes(before.rows).count(b"\t") + 1 != len(in_rows):
        raise NotSanitised(f"A row of {before.table} has not as many values as it has columns.")
    old, new = (transcoder.roughly_utf8(one) if transcoder else bytes(one.rows) for one in (before, after))
    return list(shown(in_rows, by_column, old, new))


def _rows(count: int) -> str:
    return "no rows" if not count else f"{count} row{'' if count == 1 else 's'}"


def _column(name: str, values: Sequence[Shown], width: int) -> Iterator[str]:
    room = (width - 8) // 2
    yield _cut(f"  {name}  {values[0].rule}", width)
    pairs = [(_said(one.before), _said(one.after)) for one in values]
    counted: dict[tuple[str, str], int] = {}
    for pair in pairs:
        counted[pair] = counted.get(pair, 0) + 1
    widest = min(max(len(before) for before, _ in counted), room)
    for (before, after), count in counted.items():
        times = f"  ({count} times)" if count > 1 else ""
        text = _cut(_one_line(after), width - widest - 9 - len(times))
        yield f"    {_cut(_one_line(before), widest):<{widest}}  →  {text}{times}".rstrip()


def _said(value: str | None) -> str:
    return "NULL" if value is None else value or "(empty)"


def _one_line(text: str) -> str:
    return text.replace("\n", " ").replace("\t", " ")


def _named(names: Sequence[str], width: int) -> Iterator[str]:
    line = "  as they are: "
    for index, name in enumerate(names):
        part = name + (", " if index < len(names) - 1 else "")
        if len(line) + len(part) > width and line.strip():
            yield line.rstrip()
            line = "    "
        line += part
    yield line


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(width - 1, 1)] + "…"
