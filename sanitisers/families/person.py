"""People: names, e-mail addresses, telephone numbers, what they do."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import TYPE_CHECKING

from sanitisers.families.form import CODE_LENGTH, Code, Digits, Family, Fixed, Form, Letters, Pick, Source, one_line

if TYPE_CHECKING:
    from faker import Faker

# RFC 6761 (6.4): no name under `.invalid` ever resolves, so no mail can leave for there.
NOWHERE = "@example.invalid"

# Numbers that Ofcom keeps for drama and never gives to anybody ("Telephone numbers for use in TV and radio
# drama programmes"): geographic ranges of a thousand numbers each, and one of mobiles.
DRAMA_RANGES = (
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


@cache
def _people(faker: Faker) -> tuple[tuple[str, str], ...]:
    """First and last names. What tells one person is an entry of the same place in each pool, so it goes together."""
    source = Source(faker, "dmrefresh people")
    return source.distinct(lambda: (one_line(faker.first_name()), one_line(faker.last_name())))


def _name(source: Source) -> Form:
    return Form((Pick(tuple(" ".join(names) for names in _people(source.faker))),))


def _first_name(source: Source) -> Form:
    return Form((Pick(tuple(first for first, _ in _people(source.faker))),))


def _last_name(source: Source) -> Form:
    return Form((Pick(tuple(last for _, last in _people(source.faker))),))


def _local_part(first: str, last: str) -> str:
    """A local part of plain letters, digits and dots, whatever the alphabet of the locale."""
    plain = unicodedata.normalize("NFKD", f"{first}.{last}").encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9.]", "", plain).strip(".") or "someone"


def _local_parts(source: Source) -> Pick:
    return Pick(tuple(_local_part(first, last) for first, last in _people(source.faker)))


def _email(source: Source) -> Form:
    return Form((_local_parts(source), Fixed("."), Code(CODE_LENGTH), Fixed(NOWHERE)))


def _user_name(source: Source) -> Form:
    return Form((_local_parts(source), Fixed("."), Code(CODE_LENGTH)))


def _ni_number(_: Source) -> Form:
    return Form((Fixed("QQ"), Digits(6), Letters(("ABCD",))))


def _phone(_: Source) -> Form:
    return Form((Pick(tuple(f"{start}{number:03}" for number in range(1000) for start in DRAMA_RANGES)),))


def _job_title(source: Source) -> Form:
    return Form((Pick(source.texts(source.faker.job)),))


FAMILIES = (
    Family("person.name", "first and last name", _name, cut=True),
    Family("person.first_name", "first name", _first_name, cut=True, common=True),
    Family("person.last_name", "last name", _last_name, cut=True),
    Family("person.email", "an address of its own for every original, where no mail can go", _email, cut=True),
    Family("person.user_name", "a name of its own for every original, in small letters", _user_name, cut=True),
    Family("person.phone", "a number from Ofcom's ranges for drama", _phone),
    Family("person.ni_number", "a National Insurance number that begins with QQ, as none does", _ni_number),
    Family("person.job_title", "what a person does", _job_title, cut=True, common=True),
)
