"""The short spellings of rules: `person.name`, `keep (why)`, `person.email at {id}@example.org`."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

from sanitisers.families import FAMILIES

_KEEP = re.compile(r"keep(?:\s*\((?P<reason>.*)\))?", re.DOTALL)
_OFF = re.compile(r"off(?:\s*\((?P<reason>.*)\))?", re.DOTALL)
_AT = re.compile(r"(?P<family>\S+)\s+at\s+(?P<template>.+)")
_FIELD = re.compile(r"\{(?P<column>[^{}:]+)(?::0(?P<width>[1-9][0-9]?))?\}")

# What the proposal for an unclassified column says; it must not pass unread.
SAY_WHY = "say why"


class Problem(Exception):
    """A rule is not understood."""


@dataclass(frozen=True, slots=True)
class TemplateField:
    """A column of the row in a template; with a width it is filled with zeros from the left."""

    column: str
    width: int = 0


def suggestion(word: str, known: list[str]) -> str:
    """`; did you mean …?` where something known is spelt much like `word`, else nothing."""
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f"; did you mean `{near[0]}`?" if near else ""


def parse_word(word: str) -> tuple[str, dict[str, str | None]]:
    """A rule of one word as the name of its model and what that holds; raises Problem."""
    word = word.strip()
    if word == "null":
        return "null", {}
    if keep := _KEEP.fullmatch(word):
        return "keep", {"reason": _reason(keep["reason"])}
    if at := _AT.fullmatch(word):
        if at["family"] != "person.email":
            raise Problem(f"`{at['family']}` cannot stand before `at`: only `person.email` can")
        template = at["template"].strip()
        if "@" not in template:
            raise Problem("an e-mail address has an `@` in it")
        if not any(isinstance(part, TemplateField) for part in parse_template(template)):
            raise Problem("every address would be the same; put a column into it, such as `{id}`, or use `value`")
        return "template", {"template": template}
    if word not in FAMILIES:
        raise Problem(f"`{word}` is no sanitiser{suggestion(word, [*FAMILIES, 'keep', 'null'])}")
    return "fake", {"family": word}


def is_word(text: str) -> bool:
    """Whether `text` would be understood as a rule of one word."""
    return text in FAMILIES or _KEEP.fullmatch(text) is not None or _AT.fullmatch(text) is not None


def parse_off(word: str) -> str | None:
    """Why something is off; None where the word says something else, or no reason. Raises Problem."""
    off = _OFF.fullmatch(word.strip())
    return _reason(off["reason"], "off") if off else None


def _reason(reason: str | None, word: str = "keep") -> str | None:
    if reason is None:
        return None
    if reason.strip() in {"", SAY_WHY}:
        raise Problem(f"the reason is missing: write `{word} (because …)`")
    return " ".join(reason.split())


def parse_template(text: str) -> tuple[str | TemplateField, ...]:
    """A template as texts and columns; raises Problem."""
    parts: list[str | TemplateField] = []
    end = 0
    for field in _FIELD.finditer(text):
        parts.append(text[end : field.start()])
        parts.append(TemplateField(field["column"], int(field["width"] or 0)))
        end = field.end()
    parts.append(text[end:])
    if any("{" in part or "}" in part for part in parts if isinstance(part, str)):
        raise Problem("a column in a template is written `{id}`, or `{id:09}` for nine digits with zeros")
    return tuple(part for part in parts if part != "")
