"""The short spellings of rules: `person.name`, `keep (why)`, `person.email at {id}@example.org`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sanitisers.families import FAMILIES
from sanitisers.near import did_you_mean
from sanitisers.ruleset.mistakes import Problem

_KEEP = re.compile(r"keep(?:\s*\((?P<reason>.*)\))?", re.DOTALL)
_OFF = re.compile(r"off(?:\s*\((?P<reason>.*)\))?", re.DOTALL)
_AT = re.compile(r"(?P<family>\S+)\s+at\s+(?P<template>.+)")
_CHOSEN = re.compile(
    r"(?P<word>[a-z_]+(?:\.[a-z_]+)?)(?: (?P<amount>[0-9]+(?:\.[0-9]+)? ?(?:[a-z]+|%)))?"
    r"(?: as (?P<identity>[A-Za-z_][\w-]*))?(?: by (?P<by>(?:(?! as ).)+))?"
)
_AMOUNTS = {
    "date.shift": ("Shift", "days", "days", 36500),
    "number.noise": ("Noise", "percent", "%", 100),
}
"""Words that take an amount: their model, what it calls the amount, its unit, and the most of it there may be."""
_LEAST = 0.01
"""Of an amount: of less than a hundredth of a per cent nothing moves."""
_FIELD = re.compile(r"\{(?P<column>[^{}:]+)(?::0(?P<width>[1-9][0-9]?))?\}")

# What the proposal for an unclassified column says; it must not pass unread.
SAY_WHY = "say why"


@dataclass(frozen=True, slots=True)
class TemplateField:
    """A column of the row in a template; with a width it is filled with zeros from the left."""

    column: str
    width: int = 0


def parse_word(word: str) -> tuple[str, dict[str, object]]:
    """A rule of one word as the name of its model and what that holds; raises Problem."""
    word = " ".join(word.split())
    if word == "null":
        return "Null", {}
    if word == "text.redact":
        return "Redact", {}
    if keep := _KEEP.fullmatch(word):
        return "Keep", {"reason": _reason(keep["reason"])}
    if at := _AT.fullmatch(word):
        return "Template", {"template": _address(at["family"], at["template"].strip())}
    found = _CHOSEN.fullmatch(word)
    if found is None:
        first = word.split(" ", 1)[0]
        if first in _AMOUNTS and not re.search(r" (as|by) ", word):
            unit = _AMOUNTS[first][2]
            raise Problem(f"the amount of `{first}` is written in {unit}, such as `{first} 30 {unit}`")
        if first in {*FAMILIES, *_AMOUNTS}:
            raise Problem(f"behind `{first}` only `as NAME` and `by COLUMN` are understood, in this order")
        near = did_you_mean(word, _known()) or did_you_mean(first.lower(), _known())
        raise Problem(f"`{word}` is no sanitiser{near}")
    how = {"identity": found["identity"], "by": found["by"] or ()}
    if found["word"] in _AMOUNTS:
        return _amount(found["word"], found["amount"], how)
    if found["amount"] is not None:
        raise Problem(f"`{found['word']}` takes no amount")
    return "Fake", {"family": known_family(found["word"]), **how}


def known_family(word: str) -> str:
    """The word itself, if it names a family; raises Problem."""
    if word not in FAMILIES:
        raise Problem(f"`{word}` is no sanitiser{did_you_mean(word, _known())}")
    return word


def _known() -> list[str]:
    return [*FAMILIES, *_AMOUNTS, "text.redact", "keep", "null"]


def _address(family: str, template: str) -> str:
    if family != "person.email":
        raise Problem(f"`{family}` cannot stand before `at`: only `person.email` can")
    if "@" not in template:
        raise Problem("an e-mail address has an `@` in it")
    if not any(isinstance(part, TemplateField) for part in parse_template(template)):
        raise Problem("every address would be the same; put a column into it, such as `{id}`, or use `value`")
    return template


def _amount(word: str, amount: str | None, how: dict[str, object]) -> tuple[str, dict[str, object]]:
    model, name, unit, most = _AMOUNTS[word]
    if amount is None:
        return model, how
    number, written = re.fullmatch(r"([0-9.]+) ?(\S+)", amount).groups()  # type: ignore[union-attr]
    if written.rstrip("s") != unit.rstrip("s"):
        raise Problem(f"the amount of `{word}` is written in {unit}, such as `{word} 30 {unit}`")
    whole = float(number)
    if name == "days" and (not 1 <= whole <= most or whole != int(whole)):
        raise Problem(f"the amount of `{word}` is a number of whole days, from 1 to {most}")
    if not _LEAST <= whole <= most:
        raise Problem(f"the amount of `{word}` is at most {most} {unit}, and more than none")
    return model, {name: int(whole) if name == "days" else whole, **how}


def is_word(text: str) -> bool:
    """Whether `text` would be understood as a rule of one word."""
    try:
        parse_word(text)
    except Problem:
        return False
    return True


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
    if not text:
        raise Problem("a template has something in it")
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
