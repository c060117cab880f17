"""The spellings of rules in the file, as the models they stand for (see `rules`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from sanitisers.families import FAMILIES
from sanitisers.ruleset.mistakes import mistake, reading
from sanitisers.ruleset.words import is_word, parse_word

_TAGS = {
    "value": "constant",
    "template": "template",
    "bcrypt": "bcrypt",
    "json": "json",
    "fake": "fake",
    "pattern": "pattern",
    "one_of": "oneof",
    "function": "function",
    "each": "each",
    "fields": "fields",
    "entries": "entries",
}
"""The key that tells which rule a map is."""
_IN_DOCUMENTS = {
    "value": {"value"},
    "bcrypt": {"bcrypt"},
    "pattern": {"pattern", "as", "by"},
    "one_of": {"one_of", "as", "by"},
}
"""Maps that are a rule inside a document, where a map is else the next level, and what may stand in them."""
_OF_A_FAKE = {"fake", "as", "by", "unique", "nulls"}
"""What a fake of a column may say in a map; inside a document it is one word."""


def word(raw: object) -> object:
    """A rule that is written as one word, as the model it stands for; anything else as it is."""
    from sanitisers.ruleset import rules

    if raw is None:
        return rules.Null()
    if isinstance(raw, str):
        kind, values = reading(lambda: parse_word(raw))
        return getattr(rules, kind)(**values)
    return raw


def column_surface(raw: object) -> object:
    """A rule of a column."""
    raw = word(raw)
    if isinstance(raw, BaseModel):
        return raw
    found = _TAGS.keys() & raw.keys() if isinstance(raw, Mapping) else set()
    if not isinstance(raw, Mapping) or len(found) != 1:
        *most, last = (f"`{key}`" for key in _TAGS)
        raise mistake(f"a rule is one word, or a map with one of {', '.join(most)} and {last}")
    if "json" in found:
        document = raw["json"]
        if not isinstance(document, Mapping):
            raise mistake("`json` holds a map of keys to rules")
        return {"document": {"<keys>": document}, **{k: v for k, v in raw.items() if k != "json"}}
    return raw


def json_surface(raw: object) -> object:
    """A rule of a key in a document.

    A map is the next level, but for `{value: …}` and the other maps of _IN_DOCUMENTS, and for `{json: {…}}`, which is
    for documents that have a single key of such a name.
    """
    raw = word(raw)
    if type(raw).__name__ == "Template" or (isinstance(raw, Mapping) and raw.keys() == {"template"}):
        raise mistake("a template belongs to a column, a document has no columns")
    if isinstance(raw, BaseModel):
        return raw
    if not isinstance(raw, Mapping):
        raise mistake("a rule for a key is one word or a map of the keys below it")
    if is_rule(raw):
        _refuse_word(raw)
        return raw
    if set(raw) <= _OF_A_FAKE and isinstance(raw.get("fake"), str) and raw["fake"] in FAMILIES:
        behind = ", with `as` and `by` behind it" if len(raw) > 1 else ""
        raise mistake(f"write `{raw['fake']}`{behind}; for a key called `fake` write {{json: {{fake: …}}}}")
    if raw.keys() == {"json"} and isinstance(raw["json"], Mapping):
        raw = raw["json"]
    return {"<keys>": raw}


def is_rule(raw: Mapping[str, object]) -> bool:
    """Whether a map that stands at a key of a document is a rule, and not the next level."""
    return any(key in raw and set(raw) <= allowed for key, allowed in _IN_DOCUMENTS.items())


def _refuse_word(raw: Mapping[str, object]) -> None:
    """`{value: text.lorem}` is most likely meant for a key called `value`."""
    for key, value in raw.items():
        if isinstance(value, str) and is_word(value):
            raise mistake(f"`{value}` is the name of a rule; for a key called `{key}` write {{json: {{{key}: …}}}}")


def names(raw: object) -> object:
    """One name, several with commas between them, or a list of names, as a tuple."""
    if isinstance(raw, str):
        return tuple(part.strip() for part in raw.split(",") if part.strip())
    if isinstance(raw, list | tuple) and all(isinstance(name, str) for name in raw):
        return tuple(raw)
    raise mistake("one name is wanted here, or a list of names")


def only_keep(raw: object) -> object:
    """What becomes of the keys that are not named."""
    raw = word(raw)
    if type(raw).__name__ != "Keep":
        raise mistake("`rest` can only be `keep (why)`; without it the rest is dropped")
    return raw


def tag(raw: Any) -> str:
    """Which model a rule is, for the unions of `rules`."""
    if isinstance(raw, BaseModel):
        return f"<{type(raw).__name__.lower()}>"
    for key, name in (("<keys>", "jsonobject"), ("document", "json"), *_TAGS.items()):
        if key in raw:
            return f"<{name}>"
    raise AssertionError("the surface lets nothing else through")
