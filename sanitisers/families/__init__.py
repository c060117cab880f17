"""The families of fakes: what `person.name` and the other words of a ruleset turn an original into."""

from __future__ import annotations

from sanitisers.families import address, company, file, keys, person, text, web
from sanitisers.families.form import Code, Digits, Family, Fixed, Form, Letters, Part, Pick, PickByLength, Source

__all__ = [
    "FAMILIES",
    "Code",
    "Digits",
    "Family",
    "Fixed",
    "Form",
    "Letters",
    "Part",
    "Pick",
    "PickByLength",
    "Source",
]

FAMILIES: dict[str, Family] = {
    family.name: family for module in (person, address, company, text, web, keys, file) for family in module.FAMILIES
}
