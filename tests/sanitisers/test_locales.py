"""Every family has fakes in any locale that Faker has, and they stay inert there."""

from __future__ import annotations

import re

import pytest

from sanitisers import compile_ruleset
from sanitisers.families import FAMILIES, PickByLength
from sanitisers.pools import Pools
from sanitisers.ruleset.loading import parse_ruleset
from tests.sanitisers.columns import Column
from tests.sanitisers.making import KEY

LOCALES = ("en_GB", "de_DE", "fr_FR", "ja_JP", "ar_EG", "pt_BR", "uk_UA", "th_TH")


@pytest.mark.parametrize("locale", LOCALES)
def test_every_family_has_enough_fakes_of_one_line(locale: str) -> None:
    pools = Pools(locale)
    for family in FAMILIES:
        form = pools.form(family)
        picked = {entry for part in form.parts if isinstance(part, PickByLength) for entry in part.pools[-1]}
        assert max(form.texts, len(picked)) >= 8, family
    assert all("\n" not in entry and entry.strip() == entry for entry in pools.entries())


@pytest.mark.parametrize("locale", LOCALES)
def test_addresses_lead_nowhere_and_people_go_together(locale: str) -> None:
    text = f"""
        ruleset: 1
        locale: {locale}
        tables:
          t:
            columns:
              mail: person.email as p
              first: person.first_name as p by mail
              name: person.name as p by mail
    """
    columns = [Column("mail"), Column("first"), Column("name")]
    compiled = compile_ruleset(parse_ruleset(text, "test.yaml"), {"t": columns}, KEY)
    rows = "".join(f"a{n}@x.uk\tx\ty\n" for n in range(200)).encode()
    made = bytes(compiled.table("t", ["mail", "first", "name"]).apply(rows).rows).decode().splitlines()
    for mail, first, name in (line.split("\t") for line in made):
        assert re.fullmatch(r"[a-z0-9.]+@example\.invalid", mail)
        assert name.startswith(f"{first} ")
    assert len({line.split("\t")[2] for line in made}) > 100
