"""What is suggested for a column, by its type, its name and what its values look like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sanitisers.assumed import Assumed, based
from sanitisers.columns import Kind, bare_type, holds_text, is_hstore, is_json, kind, type_word
from sanitisers.families import FAMILIES
from sanitisers.ruleset.quoting import key_of
from sanitisers.suggesting.documents import judge_document
from sanitisers.suggesting.judgement import Confidence, Judgement, digits, high, low, medium
from sanitisers.suggesting.names import Means, meaning
from sanitisers.suggesting.texts import CODES, Around, judge_text

if TYPE_CHECKING:
    from sanitisers.columns import ColumnLike
    from sanitisers.suggesting.facts import Document, Facts

_LONG = 9
"""Digits from which on a number may be somebody's."""
_NOBODYS = {
    "inet": "192.0.2.1",
    "cidr": "192.0.2.0/24",
    "macaddr": "02:00:00:00:00:00",
    "macaddr8": "02:00:00:00:00:00:00:00",
    "bytea": "\\\\x",
    "xml": "<removed/>",
    "tsvector": "",
    "point": "(0,0)",
    "boolean": "false",
    "date": "1970-01-01",
    "timestamp": "1970-01-01 00:00:00",
    "time": "00:00:00",
    "interval": "0",
    "uuid": "00000000-0000-0000-0000-000000000000",
    "integer": "0",
    "bigint": "0",
    "numeric": "0",
}
_NUMBERS = {"integer", "bigint", "numeric"}
_TIMES = {"timestamp", "date", "time", "interval"}
_OWN_FOR_EACH = {"null", "person.email", "person.user_name", "token", "uuid", "hash"}
"""Rules under which no two originals become the same."""
_IN_NUMBERS = {"person.phone", "address.postcode", "company.vat", "company.registration", "company.duns"}


@dataclass(frozen=True, slots=True)
class Beside:
    """What is known about a column from outside of it.

    Attributes:
        table: whose it is.
        about_somebody: whether the table has columns about persons or companies.
        unique: whether no value comes twice.
        listed: whether a check of the schema allows a list of values only.
        joins: whether it is part of a primary or a foreign key.
        named_by: the column whose slugs are made from these texts, where there is one.
        key: a column of the table with a number for each row, which templates can hold.
    """

    table: str = ""
    about_somebody: bool = False
    unique: bool = False
    listed: bool = False
    joins: bool = False
    named_by: str = ""
    key: str = ""


def judge_column(
    column: ColumnLike, facts: Facts | None = None, document: Document | None = None, beside: Beside | None = None
) -> Judgement:
    """What is suggested for a column.

    Args:
        column: with its type.
        facts: what its values look like; None where no rows were seen.
        document: what its documents hold, where it holds any.
        beside: what is known about it from elsewhere.
    """
    column, beside = based(column), beside or Beside()
    if column.element is not None:
        return _array(column, column.element, beside)
    if column.fields:
        return _fields(column, beside)
    if is_hstore(column):
        return medium("{entries: {}}", "every entry is dropped until it is named")
    if is_json(column):
        return judge_document(document, beside.table, about_somebody=beside.about_somebody)
    word = type_word(column)
    if column.enum:
        return _unless_intimate(column, high("keep (an enum of the application)", "an enum of the schema"))
    if word in _NUMBERS or bare_type(column) in {"money", "oid"}:
        return _number(column, facts, beside)
    if word == "boolean":
        return _unless_intimate(column, high("keep (yes or no)", "a boolean"))
    if word in _TIMES:
        sure = high if word == "timestamp" or _means(column) is Means.WHEN else medium
        return _unless_intimate(column, sure("keep (when)", f"a {word}"))
    if word == "uuid":
        return _unless_intimate(column, high("keep (a key)", "a uuid"))
    if bare_type(column).endswith("range"):
        return _unless_intimate(column, medium("keep (from when to when, or how much)", "a range"))
    if kind(column) in {Kind.OTHER, Kind.UNKNOWN}:
        return _other(column)
    around = Around(beside.table, beside.about_somebody, not column.not_null, beside.listed, beside.named_by)
    return _made_unique(column, judge_text(column.name, facts, around), facts, beside)


def _means(column: ColumnLike) -> Means | None:
    found = meaning(column.name)
    return found.means if found else None


def nothing(column: ColumnLike) -> str:
    """The rule that leaves nothing of a column."""
    if not column.not_null:
        return "null"
    bare = bare_type(column)
    if column.element is not None or bare.endswith("[]"):
        return '{value: "{}"}'
    if column.labels:
        return f"{{value: {key_of(column.labels[0])}}}"
    value = _NOBODYS.get(type_word(column) or bare, "removed")
    return f"{{value: {value}}}" if value.isalnum() else f'{{value: "{value}"}}'


def _array(column: ColumnLike, element: ColumnLike, beside: Beside) -> Judgement:
    """Of arrays only the name tells, and the type of what is in them."""
    inside = judge_column(
        Assumed.like(element, name=column.name), None, None, Beside(beside.table, beside.about_somebody)
    )
    if inside.keeps and not holds_text(element):
        return inside
    if not holds_text(element):
        return medium(nothing(column), inside.reason)
    return medium(f"{{each: {_inner(inside)}}}", f"an array; {inside.reason.partition(';')[0]}")


def _fields(column: ColumnLike, beside: Beside) -> Judgement:
    inside = ((field.name, judge_column(field, None, None, beside)) for field in column.fields)
    rules = ", ".join(f"{key_of(name)}: {_inner(judged)}" for name, judged in inside)
    return medium(f"{{fields: {{{rules}}}}}", "a composite, by the names of its fields")


def _inner(judged: Judgement) -> str:
    """A rule inside a flow map of YAML, where a comma ends a word."""
    rule = judged.rule
    return f'"{rule}"' if "," in rule and not rule.startswith("{") else rule


def _unless_intimate(column: ColumnLike, kept: Judgement) -> Judgement:
    means = meaning(column.name)
    if means is not None and means.means in {Means.SECRET, Means.INTIMATE}:
        return high(nothing(column), f"by its name, {means}")
    return kept


def _number(column: ColumnLike, facts: Facts | None, beside: Beside) -> Judgement:
    means = meaning(column.name)
    of = means.means if means else None
    if of in {Means.SECRET, Means.INTIMATE, Means.NETWORK} and not beside.joins:
        return high(nothing(column), f"by its name, {means}")
    if of is Means.COUNTER:
        return high("{value: 0}", f"by its name, {means}")
    if means is not None and means.family in _IN_NUMBERS and not beside.joins:
        return high(nothing(column), f"by its name, {means}")
    if beside.joins:
        return high("keep (a key)", "a number that joins tables")
    if facts is not None and facts.largest >= _LONG and type_word(column) != "numeric" and not beside.unique:
        return low(nothing(column), f"{digits(facts.largest)} may be somebody's")
    if of is Means.KEY:
        return high("keep (a key)", "a key by its name")
    if of in {Means.AMOUNT, Means.WHEN, Means.WORD}:
        return high("keep (numbers)", f"{means} by its name, and a number")
    if of is None and (facts is None or not facts.filled):
        return low(nothing(column), "nothing tells what it is; no values were seen")
    return medium("keep (numbers)", digits(facts.largest) if facts and facts.filled else "a number")


def _other(column: ColumnLike) -> Judgement:
    bare = bare_type(column)
    if bare in {"inet", "cidr"}:
        return high("ip", "addresses on a network")
    sure = low if column.not_null else medium
    return sure(nothing(column), f"nothing is known of values of type {bare}")


def _made_unique(column: ColumnLike, judged: Judgement, facts: Facts | None, beside: Beside) -> Judgement:
    """A rule whose fakes come twice does not fit a column in which nothing may."""
    if not beside.unique or judged.keeps or judged.rule in _OWN_FOR_EACH:
        return judged
    means = meaning(column.name)
    said = f"{judged.reason}; no value comes twice"
    if beside.key and means is not None and means.means is Means.DOMAIN:
        return judged.but(f'{{template: "{_stem(column)}-{{{beside.key}}}.example.invalid"}}', judged.confidence, said)
    if beside.key and judged.rule in {"company.duns", "company.registration"}:
        return judged.but(f'{{template: "{{{beside.key}:09}}"}}', judged.confidence, said)
    if judged.rule == "text.lorem" and facts is not None and facts.share(*CODES) == 1:
        return judged.but("hash", judged.confidence, said)
    if judged.rule in FAMILIES:
        return judged.but(f"{{fake: {judged.rule}, unique: true}}", judged.confidence, said)
    return judged.but("hash", Confidence.LOW, said)


def _stem(column: ColumnLike) -> str:
    plain = "".join(mark if mark.isascii() and mark.isalnum() else "-" for mark in column.name.lower()).strip("-")
    return plain or "value"


def candidates(column: ColumnLike, judged: Judgement, key: str, *, unique: bool) -> tuple[str, ...]:
    """Rules for a column in the order in which they are tried, until one fits.

    The rule suggested, then what leaves less, then what leaves nothing; `key` numbers the rows.
    """
    short = "{value: x}" if column.not_null else "null"
    template = f'{{template: "{_stem(column)}-{{{key}}}"}}' if key else "hash"
    text = "{fake: text.lorem, unique: true}" if unique else "text.lorem"
    return (judged.rule, *([template] if unique else []), text, "hash", nothing(column), short)
