"""A ruleset as its file has it: what holds for all of it, and its tables. The rules of columns are in `rules`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag

from sanitisers.ruleset.mistakes import mistake, reading
from sanitisers.ruleset.rules import ColumnRule, Function, Keep, Names, Rule
from sanitisers.ruleset.surface import word
from sanitisers.ruleset.words import parse_off


class Off(Rule):
    """Something is not done, for the reason given."""

    reason: str


class Empty(Rule):
    """All rows of the table are dropped."""


class Columns(Rule):
    """What becomes of the rows and the columns of a table.

    Attributes:
        columns: the rule of each.
        rows: a predicate; only rows for which it is true stay.
        unique: columns in which no value may come twice, besides those that are found to be so.
    """

    columns: dict[str, ColumnRule] = Field(default_factory=dict)
    rows: str | None = None
    unique: Names = ()


def _default(raw: object) -> object:
    raw = word(raw)
    if not isinstance(raw, Keep):
        raise mistake("a line of `defaults:` can only say `keep` or `keep (why)`")
    return raw


def _reasoned(section: str) -> BeforeValidator:
    """A line of a section in which everything is kept for a reason."""

    def line(raw: object) -> object:
        raw = word(raw)
        if not isinstance(raw, Keep) or raw.reason is None:
            raise mistake(f"a line of `{section}:` says `keep (why)`, with the reason")
        return raw

    return BeforeValidator(line)


def _file_name(name: str | None) -> str | None:
    if name is not None and (not name.endswith(".sql") or "/" in name or "\\" in name):
        raise mistake("`after_load` names an .sql file that lies beside the ruleset")
    return name


def _leak_place(name: str) -> str:
    if not all(name.partition(".")):
        raise mistake("it names a table and a column, and may name keys in its documents")
    return name


def _leak_check(raw: object) -> object:
    reason = reading(lambda: parse_off(raw)) if isinstance(raw, str) else None
    if reason is None:
        raise mistake("it says `off (why)`, with the reason; without the line it is on")
    return reason


def _detectors(raw: object) -> object:
    if raw in ("warn", "stop") or isinstance(raw, Off):
        return raw
    reason = reading(lambda: parse_off(raw)) if isinstance(raw, str) else None
    if reason is None:
        raise mistake("it says `warn`, `stop` or `off (why)`, with the reason; without the line it is `warn`")
    return Off(reason=reason)


def _table(raw: object) -> object:
    if raw == "empty":
        return Empty()
    if isinstance(raw, Rule):
        return raw
    if not isinstance(raw, Mapping):
        raise mistake("a table is `empty` or has `columns:`")
    for spelling in ("rows", "where"):
        if spelling in raw and raw[spelling] is None:  # it must not mean that all of them stay
            raise mistake(f"`{spelling}` is empty: say which rows stay, or leave it out")
    if "where" in raw:
        if "rows" in raw:
            raise mistake("`rows` and `where` say the same thing twice; leave one out")
        return {"rows" if key == "where" else key: value for key, value in raw.items()}
    return raw


def _table_tag(raw: Any) -> str:
    return "<empty>" if isinstance(raw, Empty) else "<columns>"


TableRule: TypeAlias = Annotated[
    Annotated[Empty, Tag("<empty>")] | Annotated[Columns, Tag("<columns>")],
    Discriminator(_table_tag),
    BeforeValidator(_table),
]


class Ruleset(Rule):
    """A ruleset as its file has it.

    Attributes:
        version: of the syntax; 1 is all there is.
        locale: of the fakes, one of Faker's.
        defaults: lines that cover the columns without a rule of their own: a type word of
            `columns.TYPE_WORDS`, a column's name, or a pattern of names.
        tables: by name, those outside the schema `public` as `schema.table`.
        literals: objects whose definitions may hold what looks like personal data, by name as tables are, and why.
        after_load: the name of a file beside this one, with SQL that runs once the sanitised rows are loaded.
        checks: queries that must give true after that, by what they check.
        script: what stands in the file that `after_load` names.
        leak_check: why nothing is looked for in what is kept; None where it is.
        leaks: columns, and paths in documents, that the leak check leaves alone, and why.
        detectors: what is done about values that are kept and look personal.
        file: its name, for messages.
        folder: where it lies, for the functions that it names; empty where it is no file.
        lines: where in it each thing stands, for messages.
    """

    version: Literal[1] = Field(alias="ruleset")
    locale: str = "en_GB"
    defaults: dict[str, Annotated[Keep, BeforeValidator(_default)]] = Field(default_factory=dict)
    tables: dict[str, TableRule] = Field(default_factory=dict)
    literals: dict[str, Annotated[Keep, _reasoned("literals")]] = Field(default_factory=dict)
    after_load: Annotated[str | None, AfterValidator(_file_name)] = None
    checks: dict[str, str] = Field(default_factory=dict)
    script: str = Field(default="", alias="<script>")
    leak_check: Annotated[str | None, BeforeValidator(_leak_check)] = None
    leaks: dict[Annotated[str, AfterValidator(_leak_place)], Annotated[Keep, _reasoned("leaks")]] = Field(
        default_factory=dict
    )
    detectors: Annotated[Literal["warn", "stop"] | Off, BeforeValidator(_detectors)] = "warn"
    file: str = Field(default="", exclude=True)
    folder: str = Field(default="", alias="<folder>", exclude=True)
    lines: dict[tuple[str, ...], int] = Field(default_factory=dict, exclude=True)

    @property
    def has_functions(self) -> bool:
        """Whether anything becomes what a function of the team's own makes of it."""
        return any(isinstance(rule, Function) for table in self.tables.values() for rule in _rules_in(table))

    def at(self, *path: str) -> str:
        """`file:line: path` of a thing, for the beginning of a message."""
        return place(self.file, self.lines, path)


def _rules_in(thing: object) -> Iterator[Rule]:
    """A rule, and all rules inside of it."""
    if isinstance(thing, Rule):
        yield thing
        for name in type(thing).model_fields:
            yield from _rules_in(getattr(thing, name))
    elif isinstance(thing, Mapping | list | tuple):
        for inner in thing.values() if isinstance(thing, Mapping) else thing:
            yield from _rules_in(inner)


def place(file: str, lines: Mapping[tuple[str, ...], int], path: tuple[str, ...]) -> str:
    """`file:line: path`; the line is that of the nearest thing around it that has one."""
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return f"{file}:{lines[path[:length]]}: {'.'.join(path)}"
    return f"{file}: {'.'.join(path)}" if path else file
