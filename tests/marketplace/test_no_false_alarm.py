"""Ordinary data passes, also where production's people and companies are called what Faker calls its own."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import cycle

import pytest
from faker import Faker

from fixtures.production import text as rows_of
from sanitisers.pools import Pools
from tests.jobs.scene import Production
from tests.marketplace.streams import drained, shipped, values, with_rows

ROWS = 1000
REPLACED = {
    ("users", 1): "person.name",
    ("contact_information", 2): "person.name",
    ("suppliers", 2): "company.name",
    ("suppliers", 6): "company.name",
    ("outcomes", 5): "company.name",
}
KEPT = {
    ("suppliers", 11): "company.name",  # trading_status
    ("lots", 2): "company.name",
    ("frameworks", 1): "person.name",
    ("services", 6): "person.name",  # status
    ("draft_services", 1): "company.name",  # service_id
    ("outcomes", 7): "person.name",  # result
}


def called(family: str, seed: int) -> Iterator[str]:
    """Names as Faker gives them, every other one of them an entry of the very pool that fakes are picked from."""
    pools, faker, chance = Pools("en_GB"), Faker("en_GB", use_weighting=False), random.Random(seed)
    faker.seed_instance(seed)
    pools.form(family)
    entries = list(pools.entries())
    while True:
        yield chance.choice(entries)
        yield faker.company() if family == "company.name" else f"{faker.first_name()} {faker.last_name()}"


def of_faker(seed: int) -> dict[str, bytes]:
    """Generated rows in which whoever is replaced is called as in Faker, and what is kept has its fakes in it."""
    lines: dict[str, list[list[bytes]]] = {}
    for table, line in rows_of(ROWS, seed):
        lines.setdefault(table, []).append(line[:-1].split(b"\t"))
    names = {family: called(family, seed) for family in ("person.name", "company.name")}
    for (table, place), family in REPLACED.items():
        for row in lines[table]:
            row[place] = next(names[family]).encode() if row[place] != b"\\N" else b"\\N"
    pools = {family: cycle(_shared(lines, family)) for family in names}
    for (table, place), family in KEPT.items():
        for row in lines[table]:
            row[place] = next(pools[family])
    return {table: b"".join(b"\t".join(row) + b"\n" for row in rows) for table, rows in lines.items()}


def _shared(lines: dict[str, list[list[bytes]]], family: str) -> list[bytes]:
    """The originals that are entries of the pool as well."""
    pools = Pools("en_GB")
    pools.form(family)
    entries = {entry.encode() for entry in pools.entries()}
    found = {row[place] for (table, place), of in REPLACED.items() if of == family for row in lines[table]}
    return sorted(found & entries)


@pytest.mark.usefixtures("cheap_hashes")
@pytest.mark.parametrize("seed", range(10))
def test_a_production_whose_names_are_fakers_gives_no_false_alarm(seed: int, marketplace: Production) -> None:
    text = with_rows(marketplace.text.read_bytes(), of_faker(seed))
    for replaced, kept in (
        (("users", "name"), ("frameworks", "name")),
        (("suppliers", "name"), ("suppliers", "trading_status")),
    ):
        both = set(values(text, *replaced)) & set(values(text, *kept))
        assert len(both) > 5  # they do coincide
    sanitiser, warnings = drained(text, shipped().model_copy(update={"detectors": "stop"}))
    assert warnings == []
    assert sanitiser.warnings == ()
    assert sanitiser.by_chance == []
    assert sanitiser.compared is not None
    assert sanitiser.compared.originals > 500
    assert sanitiser.compared.kept > 50
