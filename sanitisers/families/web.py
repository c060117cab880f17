"""Addresses on the web."""

from __future__ import annotations

from sanitisers.families.form import Family, Fixed, Form, Pick, Source


def _url(source: Source) -> Form:
    faker = source.faker
    return Form((Fixed("https://www.example.invalid/"), Pick(source.distinct(lambda: "/".join(faker.words(3))))))


FAMILIES = (Family("url", "an address under example.invalid, which never resolves", _url),)
