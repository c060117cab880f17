"""People: names, e-mail addresses, telephone numbers, what they do."""

from __future__ import annotations

import re
import unicodedata

from sanitisers.families.form import Code, Family, Fixed, Form, Pick, Source

# RFC 6761 (6.4): no name under `.invalid` ever resolves, so no mail can leave for there.
NOWHERE = "@example.invalid"

# Numbers that Ofcom keeps for drama and never gives to anybody ("Telephone numbers for use in TV and radio
# drama programmes"): geographic ranges of a thousand numbers each, and one of mobiles.
_DRAMA_RANGES = (
    "0113 496 0",
    "0114 496 0",
    "0115 496 0",
    "0116 496 0",
    "0117 496 0",
    "0118 496 0",
    "0121 496 0",
    "0131 496 0",
    "0141 496 0",
    "0151 496 0",
    "0161 496 0",
    "020 7946 0",
    "0191 498 0",
    "01632 960",
    "07700 900",
)


def _name(source: Source) -> Form:
    faker = source.faker
    return Form((Pick(source.distinct(lambda: f"{faker.first_name()} {faker.last_name()}")),))


def _first_name(source: Source) -> Form:
    return Form((Pick(source.distinct(source.faker.first_name)),))


def _last_name(source: Source) -> Form:
    return Form((Pick(source.distinct(source.faker.last_name)),))


def _local_part(first: str, last: str) -> str:
    """A local part of plain letters, digits and dots, whatever the alphabet of the locale."""
    plain = unicodedata.normalize("NFKD", f"{first}.{last}").encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9.]", "", plain).strip(".") or "someone"


def _email(source: Source) -> Form:
    faker = source.faker
    locals_ = source.distinct(lambda: _local_part(faker.first_name(), faker.last_name()))
    return Form((Pick(locals_), Fixed("."), Code(12), Fixed(NOWHERE)))


def _phone(_: Source) -> Form:
    return Form((Pick(tuple(f"{start}{number:03}" for number in range(1000) for start in _DRAMA_RANGES)),))


def _job_title(source: Source) -> Form:
    return Form((Pick(source.distinct(source.faker.job)),))


FAMILIES = (
    Family("person.name", "first and last name", _name, cut=True),
    Family("person.first_name", "first name", _first_name, cut=True, common=True),
    Family("person.last_name", "last name", _last_name, cut=True),
    Family("person.email", "an address of its own for every original, where no mail can go", _email, cut=True),
    Family("person.phone", "a number from Ofcom's ranges for drama", _phone),
    Family("person.job_title", "what a person does", _job_title, cut=True, common=True),
)
