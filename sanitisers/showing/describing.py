"""Rules in words: as the ruleset writes them, and what they do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sanitisers.columns import Kind, base_word, kind
from sanitisers.families import FAMILIES
from sanitisers.ruleset import rules
from sanitisers.ruleset.scalars import spelt
from sanitisers.ruleset.words import TemplateField

if TYPE_CHECKING:
    from sanitisers.columns import ColumnLike


def described(rule: object, column: ColumnLike | None) -> tuple[str, tuple[str, ...]]:
    """A rule as the ruleset writes it, and what it does, one sentence each.

    Args:
        rule: one of the models of `ruleset.rules`.
        column: where it applies; None for a key of a document.
    """
    match rule:
        case rules.Keep(reason=reason):
            return f"keep ({reason})" if reason else "keep", ("every value stays as it is",)
        case rules.Null() | rules.Constant(value=None):
            return "null", ("every value becomes NULL" if column else "every value becomes null",)
        case rules.Fake(family=family):
            return _chosen(family, rule), tuple(_fake(rule, column))
        case rules.Constant(value=value):
            return f"{{value: {spelt(value)}}}", ("every value becomes this one", _stays(rule))
        case rules.Template(template=template):
            needed = [part.column for part in rule.parts if isinstance(part, TemplateField)]
            said = [
                f"every value becomes this text, with what the row has in {' and '.join(needed)}",
                f"no two are the same where no two rows have the same {' and '.join(needed)}",
            ]
            return f"{{template: {template}}}", (*(said if needed else ["every value becomes this text"]), _stays(rule))
        case rules.Bcrypt(locked=locked):
            said = ["every value becomes the bcrypt hash (cost 12) of a password that everybody may know", _stays(rule)]
            if locked:
                said.insert(1, f"on targets that are not local, rows with {locked} get one that nobody knows")
            return "{bcrypt: …}", tuple(said)
        case rules.Json(document=document, rest=rest, only_with=only_with):
            said = ["documents are closed: a key that is not named is dropped" if rest is None else "other keys stay"]
            if "*" in document.keys:
                said = ["a key that is not named is under the rule of `*`"]
            if only_with is not None:
                said.append(f"a document without the key {only_with} becomes {{}}")
            return "{json: …}", (*said, "NULL stays NULL")
        case _:
            return _other(rule)


def _other(rule: object) -> tuple[str, tuple[str, ...]]:
    match rule:
        case rules.Pattern(pattern=pattern):
            return _chosen(f"{{pattern: {pattern}}}", rule), (
                "every value becomes a text of this pattern",
                _stays(rule),
            )
        case rules.OneOf(values=values):
            word = _chosen(f"{{one_of: {len(values)} values}}", rule)
            return word, ("every value becomes one of a list", _stays(rule))
        case rules.Function(path=path):
            return _chosen(f"{{function: {path}}}", rule), (
                "a function of the team's own makes every value",
                _stays(rule),
            )
        case rules.Shift(days=days):
            word = _chosen(f"date.shift {days} days", rule)
            return word, (f"every date moves by up to {days} days, forth or back", "NULL stays NULL")
        case rules.Noise(percent=percent):
            word = _chosen(f"number.noise {percent:g} %", rule)
            return word, (f"every number moves by up to {percent:g} per cent, up or down", "NULL stays NULL")
        case rules.Redact():
            return "text.redact", ("what looks personal is taken out of the text, the rest stays", _stays(rule))
        case rules.Each(each=each):
            word, said = described(each, None)
            return f"{{each: {word}}}", ("for every element of the array:", *said)
        case rules.Fields(fields=fields):
            return "{fields: …}", tuple(f"{name}: {described(one, None)[0]}" for name, one in fields.items())
        case rules.Entries(entries=entries, rest=rest):
            said = tuple(f"{name}: {described(one, None)[0]}" for name, one in entries.items())
            if "*" not in entries:
                said = (*said, "other entries are dropped" if rest is None else "other entries stay")
            return "{entries: …}", said
    return type(rule).__name__.lower(), ()


def _chosen(word: str, rule: rules.Chosen) -> str:
    identity = f" as {rule.identity}" if rule.identity else ""
    return f"{word}{identity}{' by ' + ', '.join(rule.by) if rule.by else ''}"


def _fake(rule: rules.Fake, column: ColumnLike | None) -> list[str]:
    family = FAMILIES[rule.family]
    said = [f"every value becomes {family.about}"]
    if rule.by:
        said.append(f"chosen by the first of {', '.join(rule.by)} that has a value")
    else:
        said.append("the same original becomes the same fake wherever it stands, so joins hold")
    if column is not None and column.max_length is not None:
        how = "cut to fit" if family.cut else "refused where it does not fit"
        said.append(f"at most {column.max_length} characters: a longer fake is {how}")
    if rule.unique:
        said.append("no two originals get the same fake")
    return [*said, _stays(rule)]


def _stays(rule: rules.Rule) -> str:
    """What is left alone."""
    if getattr(rule, "nulls", "stay") == "replace":
        return "NULL becomes one, too; the empty string stays empty"
    return "NULL stays NULL, and the empty string stays empty"


def values_of(column: ColumnLike) -> tuple[str, str]:
    """Two made-up originals that a column of this type could hold."""
    word = base_word(column)
    if word in {"timestamp", "date"}:
        return "2001-02-03", "2004-05-06"
    if kind(column) is Kind.NUMBER:
        return "1234", "5678"
    return "an original", "another original"
