"""The grammar of rulesets as a JSON Schema (draft-07), by which editors complete, explain and check them.

A schema sees one value at a time. What needs more than that (a column named twice, a file that is not there, a
type that a rule does not fit) only `load_ruleset` and `compile_ruleset` tell.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeAlias

from sanitisers.columns import TYPE_WORDS
from sanitisers.families import FAMILIES

Schema: TypeAlias = dict[str, Any]

_REASON = r"\((?!\s*(say why\s*)?\)$)[\s\S]*\)"
"""Brackets with a reason in them, which is not that of a proposal nobody has read."""
_KEEP = rf"^\s*keep(\s*{_REASON})?\s*$"
_KEEP_WHY = rf"^\s*keep\s*{_REASON}\s*$"
_OFF_WHY = rf"^\s*off\s*{_REASON}\s*$"
_CHOSEN = r"( +as +[A-Za-z_][A-Za-z0-9_-]*)?( +by +((?! +as ).)+)?"
_FIELD = r"\{[^{}:]+(:0[1-9][0-9]?)?\}"
_TEMPLATE = rf"^([^{{}}]|{_FIELD})*$"
_ADDRESS = rf"^\s*person\.email\s+at\s+(?=.*@)([^{{}}]*{_FIELD})+[^{{}}]*$"
_DAYS = r"([1-9]\d{0,3}|[12]\d{4}|3[0-5]\d{3}|36[0-4]\d\d|36500) ?days?"
_PERCENT = r"(100(\.0+)?|0*[1-9]\d?(\.\d+)?|0+\.0*[1-9]\d*) ?%"
_PLACE = r"([^\[\](){}*+?|^$.\\]|\\[dw]|\\[^A-Za-z0-9]|\[(\\.|[^\]\[^\\])+\])(\{\d{1,3}\})?"
_LEAK = r"^[^.]+\..+$"

_TEXT: Schema = {"type": "string"}
_NAMES: Schema = {
    "description": "One name, several with commas between them, or a list of names.",
    "anyOf": [{"type": "string", "minLength": 1}, {"type": "array", "items": _TEXT}],
}
_NULLS: Schema = {
    "enum": ["stay", "replace"],
    "description": "`replace` replaces NULL as well.",
}
_HOW: Schema = {
    "as": {"type": ["string", "null"], "description": "Values with the same identity share their chances."},
    "by": {**_NAMES, "description": "Columns (in a document, keys beside it) of which the first with a value decides."},
}


def editor_schema() -> Schema:
    """The JSON Schema of rulesets."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A ruleset of dmrefresh",
        "description": "What becomes of each column of a database.",
        **_map(
            {
                "ruleset": {"const": 1, "description": "The version of the syntax."},
                "locale": {**_TEXT, "description": "Of the fakes, one of Faker's, such as en_GB."},
                "defaults": _defaults(),
                "tables": _of({"$ref": "#/definitions/table"}, "By name; outside the schema public as schema.table."),
                "literals": _reasons("Objects whose definitions may hold what looks personal, and why."),
                "after_load": {
                    **_matching(r"^[^/\\]+\.sql$"),
                    "description": "A file beside this one, with SQL that runs once the sanitised rows are loaded.",
                },
                "checks": _of(_TEXT, "Queries that must give true after that, by what they check."),
                "leak_check": {**_matching(_OFF_WHY), "description": "`off (why)` turns the search for originals off."},
                "leaks": {
                    **_reasons("Columns, and paths in documents, that the search for originals leaves alone, and why."),
                    "propertyNames": _matching(_LEAK),
                },
                "detectors": {
                    "description": "What is done about kept values that look personal.",
                    "anyOf": [{"enum": ["warn", "stop"]}, _matching(_OFF_WHY)],
                },
            },
            "ruleset",
        ),
        "definitions": _definitions(),
    }


def written() -> str:
    """The schema as the text of its file."""
    return json.dumps(editor_schema(), indent=1, ensure_ascii=False) + "\n"


def _definitions() -> Schema:
    return {
        "keep": {
            **_matching(_KEEP),
            "description": "Every value stays as it is: `keep`, or `keep (why)`.",
            "defaultSnippets": [{"label": "keep (why)", "body": "keep (${1:because})"}],
        },
        "keepWhy": {**_matching(_KEEP_WHY), "description": "`keep (why)`, with the reason."},
        "null": {
            "description": "Every value becomes NULL.",
            "anyOf": [{"type": "null"}, _matching(r"^\s*null\s*$")],
        },
        "family": {"anyOf": [{"const": name, "description": one.about} for name, one in FAMILIES.items()]},
        "word": _words(),
        "address": {
            **_matching(_ADDRESS),
            "description": "An address with a column of the row in it: person.email at {id}@example.org",
        },
        "table": _table(),
        "column": _column(),
        "key": _key(),
    }


def _words() -> Schema:
    families = "|".join(name.replace(".", r"\.") for name in FAMILIES)
    return {
        "anyOf": [
            {"$ref": "#/definitions/keep"},
            {"$ref": "#/definitions/null"},
            {"$ref": "#/definitions/family"},
            {
                **_matching(rf"^\s*({families}){_CHOSEN}\s*$"),
                "description": "A family, `as` an identity, chosen `by` columns: person.name as person by email",
            },
            {"const": "text.redact", "description": "Of a text only what looks personal is taken out."},
            {
                **_matching(rf"^\s*date\.shift( +{_DAYS})?{_CHOSEN}\s*$"),
                "description": "Every date moves by up to so many days: date.shift 30 days by id",
            },
            {
                **_matching(rf"^\s*number\.noise( +{_PERCENT})?{_CHOSEN}\s*$"),
                "description": "Every number moves by up to so many per cent: number.noise 10 %",
            },
        ]
    }


def _table() -> Schema:
    columns = _map(
        {
            "columns": _of({"$ref": "#/definitions/column"}, "What becomes of each; several names share a rule: a, b"),
            "rows": {**_TEXT, "description": "A predicate; only rows for which it is true stay."},
            "where": {**_TEXT, "description": "Another spelling of `rows`."},
            "unique": {**_NAMES, "description": "Columns in which no value may come twice."},
        }
    )
    return {
        "anyOf": [
            {"const": "empty", "description": "All rows of the table are dropped."},
            {**columns, "not": {"required": ["rows", "where"]}},
        ]
    }


def _column() -> Schema:
    column, key = {"$ref": "#/definitions/column"}, {"$ref": "#/definitions/key"}
    keep = {"$ref": "#/definitions/keep", "description": "Keys that are not named stay; without it they are dropped."}
    document = _map(
        {
            "json": {**_of(key, "What becomes of each key; one that is not named is dropped."), "type": "object"},
            "rest": keep,
            "only_with": {"type": ["string", "null"], "description": "A document without this key becomes {}."},
        },
        "json",
    )
    return {
        "anyOf": [
            {"$ref": "#/definitions/word"},
            {"$ref": "#/definitions/address"},
            _map({"value": {"description": "Every value becomes this one."}, "nulls": _NULLS}, "value"),
            _map({"template": _template(), "nulls": _NULLS}, "template"),
            _map({"bcrypt": _password(), "locked": {**_TEXT, **_described(_LOCKED)}}, "bcrypt"),
            document,
            _chosen("fake", {"$ref": "#/definitions/family"}, unique=True),
            _chosen("pattern", _pattern(), unique=True),
            _chosen("one_of", _list()),
            _chosen("function", _function()),
            _map({"each": {**column, "description": "A rule for every element of an array."}}, "each"),
            _map({"fields": _of(column, "What becomes of each field of a composite value.")}, "fields"),
            _map({"entries": _of(column, "What becomes of each key of an hstore."), "rest": keep}, "entries"),
        ]
    }


_LOCKED = "A predicate; rows for which it is not false get a hash nobody knows the password of, unless local."


def _key() -> Schema:
    """A rule inside a document, where a map is the next level unless its keys are those of a rule."""
    key = {"$ref": "#/definitions/key"}
    word = {"$ref": "#/definitions/word"}
    address = {"$ref": "#/definitions/address"}
    no_word: Schema = {"not": {"anyOf": [{"type": "string", "allOf": [word]}, address]}}
    rules: dict[str, Schema] = {
        "value": {"value": no_word},
        "bcrypt": {"bcrypt": {**_password(), **no_word}},
        "pattern": {"pattern": {**_pattern(), **no_word}, **_HOW},
        "one_of": {"one_of": _list(), **_HOW},
    }
    levels = {
        "type": "object",
        "description": "The next level: what becomes of each key below.",
        "additionalProperties": key,
        "not": {
            "anyOf": [
                *(
                    {"required": [name], "propertyNames": {"enum": list(properties)}}
                    for name, properties in rules.items()
                ),
                {"required": ["template"], "maxProperties": 1},
                {
                    "required": ["fake"],
                    "propertyNames": {"enum": ["fake", *_HOW, "unique", "nulls"]},
                    "properties": {"fake": {"$ref": "#/definitions/family"}},
                },
                {"required": ["json"], "maxProperties": 1, "properties": {"json": {"type": "object"}}},
            ]
        },
    }
    only = _map({"json": {**_of(key, "The keys below, where the only one has the name of a rule.")}}, "json")
    return {"anyOf": [word, *(_map(properties, name) for name, properties in rules.items()), only, levels]}


def _defaults() -> Schema:
    keep = {"$ref": "#/definitions/keep"}
    said = {
        word: {**keep, "description": f"Columns of type {', '.join(of) or word}."} for word, of in TYPE_WORDS.items()
    }
    return {
        "type": "object",
        "description": "Lines for columns without a rule of their own: a type, a name, or a pattern of names.",
        "properties": said,
        "additionalProperties": keep,
    }


def _chosen(key: str, rule: Schema, *, unique: bool = False) -> Schema:
    own: Schema = {key: rule, **_HOW, "nulls": _NULLS}
    if unique:
        own["unique"] = {"type": "boolean", "description": "No two originals get the same."}
    replaces = {"properties": {"nulls": {"const": "replace"}}, "required": ["nulls"]}
    return {**_map(own, key), "anyOf": [{"not": replaces}, {"required": ["by"]}]}


def _template() -> Schema:
    about = "A text with columns of the row in it: {id}, or {id:09} with zeros."
    return {**_matching(_TEMPLATE), "minLength": 1, "description": about}


def _password() -> Schema:
    return {"type": "string", "minLength": 1, "description": "The bcrypt hash (cost 12) of this password."}


def _pattern() -> Schema:
    return {**_matching(rf"^\^?({_PLACE})+\$?$"), "description": "A text of a fixed length: [A-Z]{2}-[0-9]{6}"}


def _list() -> Schema:
    each = {"type": ["string", "number", "boolean"]}
    return {"type": "array", "items": each, "minItems": 1, "description": "Every value becomes one of these."}


def _function() -> Schema:
    name = "[^\\W\\d]\\w*"
    return {**_matching(rf"^{name}(\.{name})+$"), "description": "A function of the team's own, by its dotted path."}


def _reasons(about: str) -> Schema:
    return _of({"$ref": "#/definitions/keepWhy"}, about)


def _described(about: str) -> Schema:
    return {"description": about}


def _matching(pattern: str) -> Schema:
    return {"type": "string", "pattern": pattern}


def _of(each: Schema, about: str) -> Schema:
    return {"type": "object", "description": about, "additionalProperties": each}


def _map(properties: Mapping[str, Schema], *required: str) -> Schema:
    made: Schema = {"type": "object", "properties": dict(properties), "additionalProperties": False}
    return {**made, "required": list(required)} if required else made
