"""Companies: names and the numbers they are registered under.

The numbers have the right shape and begin in a way that no real one does, so that a fake is never somebody's.
"""

from __future__ import annotations

from sanitisers.families.form import Digits, Family, Fixed, Form, Pick, Source


def _name(source: Source) -> Form:
    return Form((Pick(source.texts(source.faker.company)),))


def _duns(_: Source) -> Form:
    return Form((Fixed("000"), Digits(6)))


def _vat(_: Source) -> Form:
    return Form((Fixed("GB000"), Digits(6)))


def _registration(_: Source) -> Form:
    return Form((Fixed("00"), Digits(6)))


FAMILIES = (
    Family("company.name", "a company that does not exist", _name, cut=True),
    Family("company.duns", "nine digits, the first three of them 0", _duns, digits=True),
    Family("company.vat", "GB and nine digits, the first three of them 0", _vat),
    Family("company.registration", "eight digits, the first two of them 0", _registration, digits=True),
)
