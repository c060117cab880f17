"""A sanitiser that shares its blocks with a fellow does, counts and finds what it would alone."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sanitisers import BlockError, Leaked, Sanitiser, SanitiserError, ValueRefused
from sanitisers.engine.tally import TableReport
from sanitisers.fellows import Done, Fellow, Making
from sanitisers.leaks import detection, gathering
from sanitisers.leaks.seen import Seen
from sanitisers.ruleset.loading import parse_ruleset
from tests.sanitisers.columns import Column
from tests.sanitisers.making import KEY

RULES = """
ruleset: 1
defaults: {id: keep}
tables:
  people:
    rows: id != 3
    columns: {name: person.name, mail: person.email, born: date.shift, data: {json: {who: person.name, stays: keep}}}
  notes:
    columns: {body: keep (as it is)}
"""
TABLES = {
    "people": (
        Column("id", "integer"),
        Column("name"),
        Column("mail"),
        Column("born", "date"),
        Column("data", "jsonb"),
    ),
    "notes": (Column("body"),),
}
MAKING = Making(parse_ruleset(RULES, "fellows.yaml"), TABLES, KEY)
CANARY = "jo.canary@suppliers.co.uk"


@dataclass(frozen=True)
class Outcome:
    """What became of the rows, and what was said about them."""

    rows: dict[str, bytes]
    counts: dict[str, tuple[int, int, dict[str, int]]]
    found: str
    detected: list[str]
    compared: str


def columns(table: str) -> tuple[str, ...]:
    return tuple(column.name for column in TABLES[table])


def told(said: Done | Seen | SanitiserError) -> Done | Seen:
    assert not isinstance(said, SanitiserError)
    again: Done | Seen = pickle.loads(pickle.dumps(said))
    return again


def outcome(rows: Mapping[str, Sequence[bytes]], turns: Sequence[bool]) -> Outcome:
    """Each row is a block; for whether a fellow gets it `turns` are taken one after the other, again and again."""
    sanitiser, fellow = MAKING.made(), Fellow(MAKING)
    done: dict[str, bytes] = {}
    number = 0
    for table, of_table in rows.items():
        here = sanitiser.table(table, columns(table))
        done[table] = b""
        for first, row in enumerate(of_table, 1):
            number += 1
            if not turns[number % len(turns)]:
                if here.passes:
                    here.look(row, first)
                done[table] += bytes(here.apply(row, first).rows)
                continue
            block = np.frombuffer(row, np.uint8)
            if here.passes:
                done[table] += bytes(here.apply(row, first).rows)
                seen = told(fellow.look(table, columns(table), block, first))
            else:
                said = told(fellow.apply(table, columns(table), block, first))
                assert isinstance(said, Done)
                done[table] += bytes(said.rows.data)
                here.count(said.tally)
                seen = said.seen
            assert isinstance(seen, Seen)
            sanitiser.add(seen)
    rest = told(fellow.rest())
    assert isinstance(rest, Seen)
    sanitiser.add(rest)
    found = verdict(sanitiser)
    reports = {table: counts(report) for table, report in sanitiser.report().items()}
    return Outcome(done, reports, found, list(map(str, sanitiser.detected)), str(sanitiser.compared))


def verdict(sanitiser: Sanitiser) -> str:
    try:
        sanitiser.check_leaks()
    except Leaked as leaked:
        return str(leaked)
    return ""


def counts(report: TableReport) -> tuple[int, int, dict[str, int]]:
    return report.rows_in, report.rows_out, dict(report.replaced)


def person(number: int, name: str, mail: str, stays: str) -> bytes:
    data = json.dumps({"who": name, "stays": stays})
    return f"{number}\t{name}\t{mail}\t1980-01-0{number % 9 + 1}\t{data}\n".encode()


names = st.sampled_from(["Ann Archer", "Bob Butcher", "Cy Chandler", ""])
mails = st.sampled_from(["ann@x.org", "bob@suppliers.co.uk", CANARY, ""])
texts = st.sampled_from(["nothing", "ask Ann Archer", "Ann Archer", f"write to {CANARY}", "call 07711 654321", ""])
people = st.lists(st.builds(person, st.integers(1, 5), names, mails, texts), max_size=6)
notes = st.lists(texts.map(lambda text: f"{text}\n".encode()), max_size=6)


@given(people, notes, st.lists(st.booleans(), min_size=1, max_size=5))
def test_whoever_gets_a_block_makes_no_difference(people: list[bytes], notes: list[bytes], turns: list[bool]) -> None:
    rows = {"people": people, "notes": notes}
    assert outcome(rows, turns) == outcome(rows, [False])


@pytest.mark.parametrize("at_once", [1, gathering.AT_ONCE], ids=["read at once", "gathered first"])
@pytest.mark.parametrize("turns", [[True], [False, True], [True, False, False]])
def test_what_looks_personal_is_counted_to_the_same_end(
    monkeypatch: pytest.MonkeyPatch, turns: list[bool], at_once: int
) -> None:
    monkeypatch.setattr(detection, "ENOUGH", 5)
    monkeypatch.setattr(gathering, "AT_ONCE", at_once)
    for count in (3, 5, 6, 20):
        rows = {"notes": [b"write to jo%d@suppliers.co.uk\n" % number for number in range(count)]}
        found = outcome(rows, turns)
        assert found == outcome(rows, [False])
        assert len(found.detected) == 1


def test_what_was_seen_elsewhere_is_kept_without_the_memory_that_it_came_in() -> None:
    """An answer is one piece of memory, rows and all: who keeps a part of it keeps all of it."""
    sanitiser, fellow = MAKING.made(), Fellow(MAKING)
    sanitiser.table("people", columns("people"))
    row = np.frombuffer(person(5, "Ann Archer", CANARY, ""), np.uint8)
    done = fellow.apply("people", columns("people"), row, 1)
    assert isinstance(done, Done)
    seen = fellow.rest()
    assert len(seen.hashes)
    buffers: list[pickle.PickleBuffer] = []
    text = pickle.dumps((done.seen, seen), protocol=5, buffer_callback=buffers.append)
    memory = [bytearray(buffer.raw()) for buffer in buffers]
    for one in pickle.loads(text, buffers=memory):
        sanitiser.add(one)
    del one
    for piece in memory:
        piece += b"more"  # which is refused while anybody has a view of it


def test_what_a_fellow_says_it_has_seen_holds_no_value() -> None:
    fellow = Fellow(MAKING)
    row = np.frombuffer(person(1, "Jo Canary", CANARY, f"write to {CANARY}"), np.uint8)
    done = fellow.apply("people", columns("people"), row, 1)
    assert isinstance(done, Done)
    looked = fellow.look("notes", columns("notes"), np.frombuffer(f"it is {CANARY}\n".encode(), np.uint8), 1)
    rest = fellow.rest()
    assert CANARY.encode() in done.rows.tobytes()  # where it stays
    assert {place.where for place in rest.places} >= {"people.mail", "people.name", "people.data.stays", "notes.body"}
    assert len(rest.hashes) >= 4
    assert b"canary" not in pickle.dumps((done.seen, done.tally, looked, rest)).lower()


@pytest.mark.parametrize(
    ("rows", "kind", "where"),
    [
        (b"1\tJo\n", BlockError, "people, row 42: 2 values where the table has 5 columns"),
        (b"1\tJo\tx\tno date\t{}\n", ValueRefused, "people.born, row 42: "),
        (b"1\tJo\tx\t\\N\t{\n", ValueRefused, "people.data, row 42: the value is not JSON"),
    ],
    ids=["too few values", "no date", "no JSON"],
)
def test_what_a_fellow_refuses_is_said_with_its_place_as_it_would_be_here(
    rows: bytes, kind: type[SanitiserError], where: str
) -> None:
    here = MAKING.made().table("people", columns("people"))
    with pytest.raises(kind) as raised:
        here.apply(rows, 42)
    said = Fellow(MAKING).apply("people", columns("people"), np.frombuffer(rows, np.uint8), 42)
    again = pickle.loads(pickle.dumps(said))
    assert type(again) is kind
    assert str(again) == str(raised.value)
    assert str(again).startswith(where)
    assert vars(again) == vars(raised.value)
