"""Rows before and after: originals as shapes only, fakes as they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from sanitisers.columns import Kind, holds_text, kind
from sanitisers.engine.copy_text import NULL, decode
from sanitisers.ruleset.rules import (
    Bcrypt,
    Constant,
    Each,
    Entries,
    Fake,
    Fields,
    Json,
    JsonObject,
    Keep,
    Null,
    OneOf,
    Pattern,
    Rule,
    Template,
)
from sanitisers.showing.describing import described
from sanitisers.suggesting.values import shape

if TYPE_CHECKING:
    from sanitisers.columns import ColumnLike
    from sanitisers.ruleset.rules import ColumnRule

_SHAPE = 60
_OF_A_LIST = 3
"""Elements of a list that are shown."""
SAME = "as it is"
_MADE_UP = (Bcrypt, Constant, Fake, Null, OneOf, Pattern, Template)
"""Rules that write nothing of their column's originals."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A value of a column, or at a path of its documents.

    Attributes:
        where: the column, and the path as the ruleset names it.
        rule: what the ruleset says about it.
        before: the shape of the original; None for NULL.
        after: the fake; None for NULL, and SAME where the original stays.
    """

    where: str
    rule: str
    before: str | None
    after: str | None


def shown(
    columns: Sequence[ColumnLike], rules: Mapping[str, ColumnRule | None], before: bytes, after: bytes
) -> Iterator[Shown]:
    """What becomes of a row.

    Args:
        columns: in the order of the line.
        rules: for each.
        before: the COPY line, in UTF-8.
        after: the sanitised one.
    """
    lines = before.rstrip(b"\n").split(b"\t"), after.rstrip(b"\n").split(b"\t")
    for column, old, new in zip(columns, *lines, strict=True):
        rule = rules.get(column.name)
        if isinstance(rule, Json):
            yield from _document(column.name, rule, _json(old), _json(new))
            continue
        word = described(rule, column)[0] if rule is not None else "keep"
        kept = isinstance(rule, Template) and _shows_kept(rule, columns)
        yield Shown(
            column.name, word, _shape(old, column), _shape(new, column) if kept else _after(rule, old, new, column)
        )


def _shows_kept(rule: Template, columns: Sequence[ColumnLike]) -> bool:
    """Whether there is a text of another column in it."""
    fields = {part.column for part in rule.parts if not isinstance(part, str)}
    return any(column.name in fields and holds_text(column) for column in columns)


def _shape(value: bytes, column: ColumnLike) -> str | None:
    if value == NULL:
        return None
    text = decode(value).decode("utf-8", "replace")
    return shape(text, _SHAPE) if kind(column) is not Kind.JSON else _of_document(_json(value))


def _of_document(value: object) -> str:
    """The shape of a document as a whole."""
    if isinstance(value, dict):
        return f"an object of {len(value)}"
    return f"a list of {len(value)}" if isinstance(value, list) else shape(_text(value), _SHAPE)


def _after(rule: object, old: bytes, value: bytes, column: ColumnLike) -> str | None:
    if rule is None or isinstance(rule, Keep):
        return SAME
    if value == NULL:
        return None
    if holds_kept(rule) or (value == old and not isinstance(rule, Constant)):
        return _shape(value, column)
    return decode(value).decode("utf-8", "replace")


def holds_kept(rule: object) -> bool:
    """Whether what a rule writes may have a part of the original in it: of what is not known to be made up, it may."""
    if isinstance(rule, Each):
        return holds_kept(rule.each)
    if isinstance(rule, Fields):
        return any(map(holds_kept, rule.fields.values()))
    if isinstance(rule, Entries):
        return rule.rest is not None or any(map(holds_kept, rule.entries.values()))
    return not isinstance(rule, _MADE_UP)


def _json(value: bytes) -> object:
    if value == NULL:
        return _MISSING
    try:
        return msgspec.json.decode(decode(value))
    except (msgspec.DecodeError, RecursionError):
        return _MISSING


class _Missing:
    """Nothing is there."""


_MISSING = _Missing()


def _document(column: str, rule: Json, old: object, new: object) -> Iterator[Shown]:
    if isinstance(old, _Missing):
        yield Shown(column, "{json: …}", None, None)
        return
    if not isinstance(old, dict):
        yield Shown(column, "{json: …}", _of_document(old), _of_document(new))
        return
    if rule.only_with is not None and rule.only_with not in old:
        yield Shown(column, f"{{json: …}}, without {rule.only_with}", _of_document(old), "{}")
        return
    yield from _object(column, rule.document, old, new, rest=rule.rest)


def _object(
    path: str, document: JsonObject, old: Mapping[str, object], new: object, *, rest: Keep | None = None
) -> Iterator[Shown]:
    """Keys that no rule names are data as well, and are counted only."""
    dropped = stay = 0
    for key, below in old.items():
        named = key if key in document.keys else "*"
        rule = document.keys.get(named, rest)
        if rule is None:
            dropped += 1
        elif rule is rest and named == "*":
            stay += 1
        else:
            after = new.get(key, _MISSING) if isinstance(new, dict) else _MISSING
            yield from _value(f"{path}.{named}", rule, below, after)
    if stay:
        yield Shown(f"{path}.…", "rest: keep", f"{stay} more", SAME)
    if dropped:
        yield Shown(f"{path}.…", "not named", f"{dropped} more", "dropped")


def _value(path: str, rule: Rule, old: object, new: object) -> Iterator[Shown]:
    if isinstance(rule, JsonObject):
        if isinstance(old, dict):
            yield from _object(path, rule, old, new)
        elif isinstance(old, list):
            others = new if isinstance(new, list) else []
            for index, one in enumerate(old[:_OF_A_LIST]):
                yield from _value(path, rule, one, others[index] if index < len(others) else _MISSING)
        else:
            yield Shown(path, "a document", _of_document(old), "dropped")
        return
    word = described(rule, None)[0]
    if isinstance(rule, Null) or new is None:
        yield Shown(path, word, _of_document(old) if old is not None else None, None)
    elif isinstance(rule, Keep):
        yield Shown(path, word, _of_document(old), SAME)
    elif isinstance(old, list) and isinstance(new, list):
        for one, other in zip(old[:_OF_A_LIST], new[:_OF_A_LIST], strict=False):
            yield Shown(path, word, _of_document(one), _fake(rule, one, other))
    else:
        yield Shown(path, word, _of_document(old), _fake(rule, old, new))


def _fake(rule: Rule, old: object, value: object) -> str:
    if isinstance(value, _Missing):
        return "dropped"
    may_be_data = (
        holds_kept(rule) or isinstance(value, dict | list) or (value == old and not isinstance(rule, Constant))
    )
    return _of_document(value) if may_be_data else _text(value)


def _text(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
