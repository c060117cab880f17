"""What becomes of one column, or of one path in its documents, and why: in words, with fakes and never a value."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec

from sanitisers.assumed import Assumed
from sanitisers.compiling import compile_ruleset
from sanitisers.covering import Cause, Covering, covered_by
from sanitisers.engine.copy_text import encode
from sanitisers.errors import SanitiserError
from sanitisers.near import did_you_mean
from sanitisers.ruleset.model import Columns, Empty, Ruleset
from sanitisers.ruleset.quoting import key_of
from sanitisers.ruleset.rules import Bcrypt, Constant, Entries, Fields, Json, JsonObject, Keep, Null, Rule, Template
from sanitisers.ruleset.words import TemplateField
from sanitisers.showing.describing import described, values_of
from sanitisers.suggesting.proposal import propose, unread
from sanitisers.suggesting.texts import Around, judge_text

if TYPE_CHECKING:
    from sanitisers.columns import ColumnLike


@dataclass(frozen=True, slots=True)
class Explanation:
    """What becomes of a column or a path.

    Attributes:
        rule: in words, as the ruleset writes it, or nothing where no rule covers it.
        place: file, line and path of what decides.
        why: why that decides.
        becomes: what happens, one sentence each.
        samples: a fake or two.
        below: for documents, each key with what becomes of it.
        proposal: what to write where nothing covers it.
    """

    rule: str | None
    place: str
    why: str
    becomes: tuple[str, ...] = ()
    samples: tuple[str, ...] = ()
    below: tuple[tuple[str, str], ...] = ()
    proposal: str | None = None


def explain(
    ruleset: Ruleset, table: str, column: ColumnLike, path: Sequence[str] = (), *, inherited_from: str | None = None
) -> Explanation:
    """What becomes of a column, or of a path in it.

    Args:
        ruleset: with the rules of parents written out.
        table: as rulesets write it.
        column: with its type, or an Assumed one.
        path: keys of its documents.
        inherited_from: the table whose rules hold for this one.
    """
    of_table = ruleset.tables.get(table)
    if isinstance(of_table, Empty):
        return Explanation("empty", ruleset.at("tables", table), "the table is emptied: none of its rows goes on")
    if column.generated:
        return Explanation(None, "", "the server computes the column, so no dump has it and no rule is needed")
    covering = covered_by(ruleset, table, column)
    if covering is None:
        return _uncovered(ruleset, table, column)
    rule = covering.rule
    found = _of_rule(ruleset, column, covering, inherited_from)
    if path:
        return _at_path(ruleset, table, column, rule, path, found)
    if isinstance(rule, Json):
        return replace(found, below=tuple(_below(rule.document)))
    return replace(found, samples=samples(ruleset, table, column, rule))


def _uncovered(ruleset: Ruleset, table: str, column: ColumnLike) -> Explanation:
    judged = propose(column)
    why = "no rule names it, and no line of `defaults:` covers it: the run stops before anything is sent"
    if isinstance(column, Assumed):
        why = "no rule names it; whether a line of `defaults:` covers it depends on its type, so give a dump as well"
    return Explanation(
        None, ruleset.at("tables", table), why, proposal=f"{key_of(column.name)}: {judged.rule}  # {judged.reason}"
    )


def _of_rule(ruleset: Ruleset, column: ColumnLike, covering: Covering, inherited_from: str | None) -> Explanation:
    path, why = covering.path, covering.cause.value
    if covering.cause in {Cause.PATTERN, Cause.TYPE}:
        why += f", {path[-1]}"
    elif covering.cause is Cause.OWN and inherited_from is not None:
        path = ("tables", inherited_from, "columns", column.name)
        why = f"inherited: the rules of {inherited_from} hold for what is made from it"
    word, becomes = described(covering.rule, column)
    return Explanation(word, ruleset.at(*path), why, becomes)


def _at_path(
    ruleset: Ruleset, table: str, column: ColumnLike, rule: Rule, path: Sequence[str], of_column: Explanation
) -> Explanation:
    if isinstance(rule, Fields | Entries):
        return _in_box(ruleset, ("tables", table, "columns", column.name), rule, path[0])
    if not isinstance(rule, Json):
        return replace(
            of_column,
            why=f"{of_column.why}; it holds for the whole column, so also for what is inside",
        )
    node: object = rule.document
    place: tuple[str, ...] = ("tables", table, "columns", column.name, "json")
    why = ""
    for depth, key in enumerate(path):
        if not isinstance(node, JsonObject):
            why = f"the rule at `{place[-1]}` is for all below it, too: {_of_objects(node)}"
            break
        if key in node.keys or "*" in node.keys:
            named = key if key in node.keys else "*"
            why = "a rule for the key" if named == key else "`*` stands for every key here that is not named"
            node = node.keys[named]
            place = (*place, *(["json"] if (*place, "json", named) in ruleset.lines else []), named)
            continue
        if depth == 0 and rule.rest is not None:
            return Explanation("keep", ruleset.at(*place[:-1], "rest"), "`rest` keeps the keys that are not named")
        return _dropped(ruleset, place, path[: depth + 1], node)
    assert isinstance(node, Rule)
    if isinstance(node, JsonObject):
        why = "the keys below have rules of their own"
        return Explanation("a document", ruleset.at(*place), why, below=tuple(_below(node)))
    word, becomes = described(node, None)
    if rule.only_with is not None:
        becomes = (*becomes, f"a document without the key {rule.only_with} becomes {{}} as a whole")
    return Explanation(word, ruleset.at(*place), why, becomes, samples(ruleset, table, column, rule, path))


def _of_objects(rule: object) -> str:
    """What becomes of an object in the place of a value that a rule is for."""
    if isinstance(rule, Keep):
        return "an object stays as it is"
    nulled = isinstance(rule, Null) or (isinstance(rule, Constant) and rule.value is None)
    return f"an object becomes {'null' if nulled else '{}'} there"


def _in_box(ruleset: Ruleset, place: tuple[str, ...], rule: Fields | Entries, name: str) -> Explanation:
    """What becomes of a field of a composite value, or of an entry of an hstore."""
    what, rules = ("field", rule.fields) if isinstance(rule, Fields) else ("entry", rule.entries)
    here = (*place, "fields" if isinstance(rule, Fields) else "entries")
    if name in rules or (isinstance(rule, Entries) and "*" in rules):
        named = name if name in rules else "*"
        word, becomes = described(rules[named], None)
        why = f"a rule for the {what}" if named == name else "`*` stands for every entry that is not named"
        return Explanation(word, ruleset.at(*here, named), why, becomes)
    near = did_you_mean(name, rules)
    if isinstance(rule, Fields):
        return Explanation(None, ruleset.at(*here), f"there is no rule for a field `{name}`{near}")
    if rule.rest is not None:
        return Explanation("keep", ruleset.at(*place, "rest"), f"`rest` keeps the entries that are not named{near}")
    return Explanation(None, ruleset.at(*here), f"an hstore is closed: `{name}` is not named, so it is dropped{near}")


def _dropped(ruleset: Ruleset, place: tuple[str, ...], path: Sequence[str], node: JsonObject) -> Explanation:
    near = did_you_mean(path[-1], node.keys)
    judged = unread(judge_text(path[-1], None, Around(path[-2] if len(path) > 1 else "")))
    return Explanation(
        None,
        ruleset.at(*place),
        f"documents are closed: `{path[-1]}` is not named, so it is dropped with all below it{near}",
        proposal=f"{key_of(path[-1])}: {judged.rule}  # {judged.reason}",
    )


def _below(document: JsonObject, indent: int = 0) -> Sequence[tuple[str, str]]:
    lines: list[tuple[str, str]] = []
    for key, rule in document.keys.items():
        pad = "  " * indent
        if isinstance(rule, JsonObject):
            lines += [(f"{pad}{key}", "a document"), *_below(rule, indent + 1)]
        else:
            lines.append((f"{pad}{key}", described(rule, None)[0]))
    return lines


def samples(ruleset: Ruleset, table: str, column: ColumnLike, rule: Rule, path: Sequence[str] = ()) -> tuple[str, ...]:
    """A fake or two under a key of the moment, made of made-up originals; none where the rule makes none, or hashes."""
    if isinstance(rule, Keep | Bcrypt):
        return ()
    columns: list[ColumnLike] = [_fitting(column, rule)]
    rules: dict[str, object] = {column.name: rule}
    for name in _needed(rule):
        columns.append(Assumed(name, "integer", not_null=True))
        rules[name] = Keep()
    made = ruleset.model_copy(
        update={"tables": {table: Columns(columns=rules)}, "defaults": {}, "leak_check": "only samples are made"}  # type: ignore[arg-type]
    )
    originals = [_document(path, text) if path else text for text in values_of(columns[0])]
    rows = b"".join(
        b"\t".join([encode(text.encode()), *(b"%d" % (101 + row) for _ in columns[1:])]) + b"\n"
        for row, text in enumerate(originals)
    )
    try:
        sanitiser = compile_ruleset(made, {table: columns}, secrets.token_bytes(32))
        sanitiser.table(table, [one.name for one in columns]).apply(rows)
    except SanitiserError:
        return ()
    shown = sanitiser.report()[table].samples
    return shown.get(".".join((column.name, *_as_named(rule, path))), ()) if path else shown.get(column.name, ())


def _fitting(column: ColumnLike, rule: Rule) -> ColumnLike:
    if isinstance(column, Assumed) and isinstance(rule, Json):
        return replace(column, type="jsonb")
    return column


def _needed(rule: Rule) -> list[str]:
    """Other columns that a rule looks at."""
    if isinstance(rule, Template):
        return list(dict.fromkeys(part.column for part in rule.parts if isinstance(part, TemplateField)))
    return list(getattr(rule, "by", ()))


def _document(path: Sequence[str], text: str) -> str:
    value: object = text
    for key in reversed(path):
        value = {key: value}
    return msgspec.json.encode(value).decode()


def _as_named(rule: Rule, path: Sequence[str]) -> list[str]:
    """A path as the rules name it, with `*` where that stands for the key."""
    node: object = rule.document if isinstance(rule, Json) else None
    named: list[str] = []
    for key in path:
        if not isinstance(node, JsonObject):
            break
        named.append(key if key in node.keys else "*")
        node = node.keys.get(named[-1])
    return named
