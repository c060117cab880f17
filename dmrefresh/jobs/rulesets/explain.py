"""sanitisers explain: what becomes of one column or path, which line decides that, and why."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from difflib import get_close_matches

from dmrefresh.dump.events import Head, Name, Schema, head_of
from dmrefresh.dump.judging.inheritance import ruled_by, with_inherited
from dmrefresh.errors import UsageFailure
from dmrefresh.jobs.rulesets.given import Given, events
from dmrefresh.jobs.rulesets.rules import read_ruleset
from dmrefresh.observer import Observer
from sanitisers import ColumnLike, Ruleset
from sanitisers.assumed import Assumed
from sanitisers.ruleset.model import Columns
from sanitisers.showing.explaining import Explanation, explain

_IN_THE_FILE = re.compile(r"tables\.(?P<table>.+?)\.columns\.(?P<column>.+?)(?:\.json\.(?P<json>.+))?")
_WIDTH = 10
_BELOW = 60
"""Keys of documents that are listed."""


@dataclass(frozen=True, slots=True)
class Explained:
    """An explanation, and of what."""

    name: str
    type: str
    found: Explanation
    version: int = 1

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {"version": self.version, "name": self.name, "type": self.type, **asdict(self.found)}

    def lines(self) -> list[str]:
        """Lines for people."""
        found = self.found
        said = [f"{self.name}  ({self.type})"]
        facts: list[tuple[str, Iterable[str]]] = [
            ("rule", [found.rule or "none"]),
            ("from", [found.place] if found.place else []),
            ("because", [found.why]),
            ("so", found.becomes),
            ("such as", found.samples),
            ("write", [found.proposal] if found.proposal else []),
        ]
        for label, texts in facts:
            for index, text in enumerate(texts):
                said.append(f"  {label if not index else '':<{_WIDTH}}{text}")
        if found.below:
            widest = max(len(key) for key, _ in found.below[:_BELOW])
            said.append("  keys")
            said += [f"    {key:<{widest}}  {rule}" for key, rule in found.below[:_BELOW]]
            if len(found.below) > _BELOW:
                said.append(f"    and {len(found.below) - _BELOW} more")
        return said


def run(ruleset: str, name: str, given: Given | None, observer: Observer) -> Explained:
    """Explain what becomes of a column or a path.

    Args:
        ruleset: a ruleset's name or file.
        name: `table.column`, or that with keys of its documents behind it.
        given: where types are read from; without one they are not known.
        observer: is told what is read.

    Raises:
        UsageFailure: there is no such table or column, as far as is known; or no such ruleset.
        Failure: what is given cannot be read.
    """
    rules = read_ruleset(ruleset)
    if "" in name.split(".")[:2]:
        raise UsageFailure(
            "That is no name of a column.", hint="write TABLE.COLUMN, and keys of its documents behind that"
        )
    schema = _head(given, observer).schema if given is not None else None
    name = _shortened(name, rules)
    table, rest = _table(name, rules, schema)
    if not rest:
        raise UsageFailure(f"{name} is a table; which column of it?", hint=f"add one: {name}.COLUMN")
    column = _column(table, rest[0], rules, schema)
    inherited = None
    if schema is not None:
        of = next(one for one in schema.tables if str(one) == table)
        root = ruled_by(of, schema, rules)
        inherited = str(root) if root != of else _parent_with(of, column.name, schema, rules)
        rules = with_inherited(rules, schema)
        table = str(root)
    kind = f"{column.type}{', not null' if column.not_null else ''}"
    type_ = "type unknown: no dump was given" if isinstance(column, Assumed) else kind
    return Explained(name, type_, explain(rules, table, column, rest[1:], inherited_from=inherited))


def _head(given: Given, observer: Observer) -> Head:
    with events(given, observer, rows=False) as stream:
        return head_of(stream)


def _shortened(name: str, rules: Ruleset) -> str:
    """The name without the words of the file in it, where it is a path as messages write it."""
    found = _IN_THE_FILE.fullmatch(name)
    if found is None or "tables" in rules.tables:
        return name
    below = [] if found["json"] is None else [found["json"]]
    return ".".join([found["table"], found["column"], *below])


def _table(name: str, rules: Ruleset, schema: Schema | None) -> tuple[str, list[str]]:
    """The table, and what is behind it; names of tables may have a dot in them."""
    known = {str(one) for one in schema.tables} if schema is not None else set(rules.tables)
    parts = name.removeprefix("public.").split(".")
    for length in range(len(parts), 0, -1):
        table = ".".join(parts[:length])
        if table in known:
            return table, parts[length:]
    if schema is None and len(parts) > 1 and not get_close_matches(parts[0], known, cutoff=0.6):
        return parts[0], parts[1:]  # lines of `defaults:` may cover it
    where = "in what is given" if schema is not None else "in the ruleset"
    raise UsageFailure(f"There is no table {parts[0]} {where}.", hint=_near(parts[0], known))


def _column(table: str, name: str, rules: Ruleset, schema: Schema | None) -> ColumnLike:
    if schema is None:
        of_table = rules.tables.get(table)
        named = set(of_table.columns) if isinstance(of_table, Columns) else set()
        near = get_close_matches(name, named, n=1, cutoff=0.8)
        if name not in named and near:
            raise UsageFailure(f"There is no rule for a column {name} of {table}.", hint=_near(name, named))
        return Assumed(name)
    columns = {c.name: c for one, of in schema.tables.items() if str(one) == table for c in of.columns}
    if name not in columns:
        raise UsageFailure(f"The table {table} has no column {name}.", hint=_near(name, columns))
    return columns[name]


def _near(name: str, known: Iterable[str]) -> str:
    """The names that are spelt most like it, or some of those there are."""
    names = sorted(known)
    parts = {part: one for one in names for part in one.split("_")}
    near = get_close_matches(name, names, n=3, cutoff=0.6)
    near = near or [parts[part] for part in get_close_matches(name, parts, n=2, cutoff=0.7)]
    if near:
        return f"did you mean {' or '.join(near)}?"
    more = f" and {len(names) - 12} more" if len(names) > 12 else ""
    return f"there are: {', '.join(names[:12])}{more}" if names else "there are none"


def _parent_with(name: Name, column: str, schema: Schema, rules: Ruleset) -> str | None:
    """The nearest table above with a rule for the column, where the table has none itself."""
    own = rules.tables.get(str(name))
    if isinstance(own, Columns) and column in own.columns:
        return None
    for parent in schema.tables[name].parents:
        of_parent = rules.tables.get(str(parent))
        if isinstance(of_parent, Columns) and column in of_parent.columns:
            return str(parent)
        above = _parent_with(parent, column, schema, rules)
        if above is not None:
            return above
    return None
