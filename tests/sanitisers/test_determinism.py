"""The same key and the same original give the same fake, whatever the blocks, the threads and the order of tables."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sanitisers import Sanitiser, compile_ruleset
from sanitisers.engine import table as engine
from sanitisers.ruleset.loading import parse_ruleset
from tests.sanitisers.columns import Column
from tests.sanitisers.making import KEY

RULES = """
ruleset: 1
defaults: {id: keep}
tables:
  a:
    columns:
      name: person.name as person by mail
      mail: person.email as person
      street: address.street
      code: address.postcode
      born: date.shift 90 days by id
      paid: number.noise
      data: {json: {who: person.name as person by mail, mail: person.email as person, "*": text.lorem}}
  b:
    columns:
      mail: person.email as person
      key: uuid
      kind: {one_of: [x, y, z]}
      number: {pattern: "[A-Z]{2}[0-9]{5}"}
"""
COLUMNS = {
    "a": {
        "id": "integer",
        "name": "text",
        "mail": "text",
        "street": "text",
        "code": "text",
        "born": "date",
        "paid": "numeric(12,2)",
        "data": "jsonb",
    },
    "b": {"mail": "text", "key": "uuid", "kind": "text", "number": "text"},
}
ROWS = {
    "a": [
        f"{n}\tAnn {n % 7}\tann{n % 50}@x.uk\t{n % 9} Row\tY{n % 4}\t19{n % 90 + 10}-02-0{n % 9 + 1}\t{n}.50\t"
        f'{{"mail": "ann{n % 50}@x.uk", "who": "A", "n": ["x", {n}]}}\n'.encode()
        for n in range(1000)
    ],
    "b": [f"ann{n % 50}@x.uk\tk{n}\tq{n}\tn{n % 11}\n".encode() for n in range(1000)],
}


def compiled(key: bytes = KEY) -> Sanitiser:
    schema = {
        table: [Column(name, kind, not_null=name == "id") for name, kind in columns.items()]
        for table, columns in COLUMNS.items()
    }
    return compile_ruleset(parse_ruleset(RULES, "test.yaml"), schema, key)


def whole(table: str, sanitiser: Sanitiser, size: int = 1000) -> bytes:
    of_table = sanitiser.table(table, list(COLUMNS[table]))
    blocks = [b"".join(ROWS[table][start : start + size]) for start in range(0, len(ROWS[table]), size)]
    return b"".join(bytes(of_table.apply(block, first).rows) for first, block in enumerate(blocks, 1))


EXPECTED = {table: whole(table, compiled()) for table in ROWS}


@given(st.integers(1, 1000))
def test_the_size_of_the_blocks_makes_no_difference(size: int) -> None:
    sanitiser = compiled()
    assert {table: whole(table, sanitiser, size) for table in reversed(ROWS)} == EXPECTED


def test_the_parts_of_a_large_block_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "PART", 3000)
    assert {table: whole(table, compiled()) for table in ROWS} == EXPECTED


def test_the_number_of_threads_makes_no_difference() -> None:
    sanitiser = compiled()
    tables = {table: sanitiser.table(table, list(COLUMNS[table])) for table in ROWS}
    with ThreadPoolExecutor(8) as threads:
        made = {
            table: list(threads.map(lambda row, of=tables[table]: of.apply(row).rows, ROWS[table])) for table in ROWS
        }
    assert {table: b"".join(map(bytes, rows)) for table, rows in made.items()} == EXPECTED


@pytest.mark.fault("54", "L12")
def test_another_key_gives_other_fakes_everywhere() -> None:
    other = {table: whole(table, compiled(KEY[::-1])) for table in ROWS}
    for table, columns in COLUMNS.items():
        ones, others = ([line.split(b"\t") for line in text.splitlines()] for text in (EXPECTED[table], other[table]))
        for index, name in enumerate(columns):
            changed = sum(a[index] != b[index] for a, b in zip(ones, others, strict=True))
            assert changed == 0 if name == "id" else changed > 500, f"{table}.{name}"
