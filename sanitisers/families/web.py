"""Addresses on the web and on networks, where nothing answers."""

from __future__ import annotations

from sanitisers.families.form import Family, Fixed, Form, Pick, Source

_DOCUMENTATION = ("192.0.2.", "198.51.100.", "203.0.113.")
"""RFC 5737: three networks that are kept for documentation."""


def _url(source: Source) -> Form:
    faker = source.faker
    return Form((Fixed("https://www.example.invalid/"), Pick(source.texts(lambda: "/".join(faker.words(3))))))


def _ip(_: Source) -> Form:
    return Form((Pick(tuple(f"{network}{host}" for host in range(1, 255) for network in _DOCUMENTATION)),))


FAMILIES = (
    Family("url", "an address under example.invalid, which never resolves", _url),
    Family("ip", "an IPv4 address of a network that is kept for documentation", _ip, network=True),
)
