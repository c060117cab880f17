"""A JSON Schema as tables: each object that it describes, with its fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from documenting.markdown import code, table

_WORDS = {"integer": "whole number", "string": "text", "boolean": "true or false", "object": "object", "array": "list"}


def fields(described: Mapping[str, Any], whole: Mapping[str, Any], leave_out: tuple[str, ...] = ()) -> str:
    """The fields of an object, each with its kind and what is said of it.

    Args:
        described: the object's part of the schema.
        whole: the schema, in which references lead.
        leave_out: fields that are told elsewhere.
    """
    required = set(described.get("required", ()))
    rows = []
    for name, one in described.get("properties", {}).items():
        if name not in leave_out:
            found = _followed(one, whole)
            said = str(one.get("description") or found.get("description") or "").strip()
            rows.append((code(name), kind(one, whole) + ("" if name in required else ", may be missing"), said))
    if not any(said for _, _, said in rows):
        return table(("field", "kind"), [row[:2] for row in rows]) if rows else ""
    return table(("field", "kind", ""), rows)


def kind(one: Mapping[str, Any], whole: Mapping[str, Any]) -> str:
    """What a value is, in words."""
    found = _followed(one, whole)
    if "$ref" in one and "properties" in found:
        name = str(one["$ref"]).rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    one = found
    if "const" in one:
        return _constant(one["const"])
    if "enum" in one:
        return " or ".join(map(_constant, one["enum"]))
    for word in ("anyOf", "oneOf"):
        if word in one:
            return " or ".join(dict.fromkeys(kind(part, whole) for part in one[word]))
    return " or ".join(_kinds(one, whole))


def _kinds(one: Mapping[str, Any], whole: Mapping[str, Any]) -> Iterator[str]:
    said = one.get("type", "any value")
    for name in [said] if isinstance(said, str) else said:
        if name == "array" and "items" in one:
            yield f"list of {kind(one['items'], whole)}"
        elif name == "object" and isinstance(one.get("additionalProperties"), dict):
            yield f"{kind(one['additionalProperties'], whole)}, by name"
        else:
            yield _WORDS.get(name, name)


def _constant(value: object) -> str:
    return "null" if value is None else code(str(value))


def _followed(one: Mapping[str, Any], whole: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a reference within the schema leads to."""
    while "$ref" in one:
        found: Any = whole
        for part in str(one["$ref"]).removeprefix("#/").split("/"):
            found = found[part]
        one = found
    return one
