"""Where somebody is. The parts of a fake address are entries of the same place in their pools, so they go together."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from sanitisers.families.form import Family, Form, Pick, Source, one_line

if TYPE_CHECKING:
    from faker import Faker


@cache
def _places(faker: Faker) -> tuple[tuple[str, str, str], ...]:
    """Streets with their towns and postcodes."""
    source = Source(faker, "dmrefresh places")
    return source.distinct(
        lambda: (one_line(faker.street_address()), one_line(faker.city()), one_line(faker.postcode()))
    )


def _street(source: Source) -> Form:
    return Form((Pick(tuple(street for street, _, _ in _places(source.faker))),))


def _city(source: Source) -> Form:
    return Form((Pick(tuple(city for _, city, _ in _places(source.faker))),))


def _postcode(source: Source) -> Form:
    return Form((Pick(tuple(postcode for _, _, postcode in _places(source.faker))),))


def _full(source: Source) -> Form:
    return Form((Pick(tuple(", ".join(place) for place in _places(source.faker))),))


FAMILIES = (
    Family("address.full", "a whole address in one line", _full, cut=True),
    Family("address.street", "house number and street in one line", _street, cut=True),
    Family("address.city", "a town that does not exist", _city, cut=True, common=True),
    Family("address.postcode", "a postcode of the right shape", _postcode),
)
