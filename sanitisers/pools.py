"""The pools of fakes: filled by Faker once for each locale, the same each time."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING

from sanitisers.errors import RulesetError
from sanitisers.families import FAMILIES, Form, Pick, PickByLength, Source
from sanitisers.near import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from faker import Faker

_filling = Lock()


class Pools:
    """The forms of the families that a ruleset uses, made when they are first asked for."""

    def __init__(self, locale: str, where: str = "locale") -> None:
        """Take a locale of Faker's, such as `en_GB`, that is named `where`; raises RulesetError for an unknown one."""
        try:
            self._faker = _faker(locale)
        except AttributeError:
            from faker.config import AVAILABLE_LOCALES

            near = did_you_mean(locale, sorted(AVAILABLE_LOCALES))
            raise RulesetError([f"{where}: Faker has no locale `{locale}`{near}"]) from None
        self._used: dict[str, Form] = {}

    def form(self, family: str) -> Form:
        """The form of a family, by its word."""
        with _filling:  # a Faker has one state of chance
            self._used[family] = _form(self._faker, family)
        return self._used[family]

    def entries(self) -> Iterator[str]:
        """The entries of all forms that were asked for."""
        for form in self._used.values():
            for part in form.parts:
                if isinstance(part, Pick):
                    yield from part.entries
                elif isinstance(part, PickByLength):
                    yield from (entry for entries in part.pools for entry in entries)

    @property
    def digest(self) -> str:
        """A hash over all forms that were asked for; it changes when Faker's data does."""
        text = repr([(name, self._used[name]) for name in sorted(self._used)])
        return hashlib.sha256(text.encode()).hexdigest()


def fill(locale: str) -> None:
    """Fill the pools of every family ahead of time, in a thread of the caller's, while it waits for something else.

    What cannot be filled is said to whoever asks for it.
    """
    with suppress(RulesetError):
        pools = Pools(locale)
        for family in FAMILIES:
            pools.form(family)


@cache
def _faker(locale: str) -> Faker:
    from faker import Faker

    return Faker(locale, use_weighting=False)


@cache
def _form(faker: Faker, family: str) -> Form:
    return FAMILIES[family].build(Source(faker, f"dmrefresh {family}"))
