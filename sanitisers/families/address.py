"""Where somebody is: street, city, postcode."""

from __future__ import annotations

from sanitisers.families.form import Family, Form, Pick, Source


def _street(source: Source) -> Form:
    return Form((Pick(source.distinct(source.faker.street_address)),))


def _city(source: Source) -> Form:
    return Form((Pick(source.distinct(source.faker.city)),))


def _postcode(source: Source) -> Form:
    return Form((Pick(source.distinct(source.faker.postcode)),))


FAMILIES = (
    Family("address.street", "house number and street in one line", _street, cut=True),
    Family("address.city", "a town that does not exist", _city, cut=True, common=True),
    Family("address.postcode", "a postcode of the right shape", _postcode),
)
