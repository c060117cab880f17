"""Each row of the table through the whole chain, into a real server: what comes of it, and what never does."""

from __future__ import annotations

import re
from collections.abc import Callable
from uuid import uuid4

import psycopg
import pytest
from _pytest.mark.structures import ParameterSet

from dmrefresh.dump.reader import read_dump
from dmrefresh.dump.sanitise import sanitise
from dmrefresh.errors import Failure
from dmrefresh.observer import Observer
from dmrefresh.postgres.receipt import Receipt
from dmrefresh.postgres.strategies.publish import Published, publish
from sanitisers.ruleset.loading import parse_ruleset
from tests.faults.case import CANARIES, Case
from tests.faults.dump_text import CASES
from tests.faults.target import personal_data, relations, sessions, state, surroundings
from tests.faults.world import World
from tests.postgres.databases import Database
from tests.proof import Proof


class Listening(Observer):
    """Remembers the warnings."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def warn(self, message: str) -> None:
        self.said.append(message)


def rows(*, refused: bool) -> list[ParameterSet]:
    """The cases, each of which proves its row."""
    return [
        pytest.param(case, id=case.id, marks=pytest.mark.fault(case.id)) for case in CASES if bool(case.code) is refused
    ]


def refresh(case: Case, text: bytes, target: Database, observer: Observer) -> Published:
    """The chain of every refresh, from the text of a dump on."""
    slip = Receipt(run=uuid4().hex, dump="a dump", ruleset="small", version="0")
    events = read_dump((text[at : at + 65536] for at in range(0, len(text), 65536)), limits=case.limits)
    ruleset = parse_ruleset(case.ruleset(), "small.yaml")
    clean = sanitise(events, ruleset, bytes(32), on_warning=observer.warn)
    return publish(clean, target.url, lambda: slip, run=slip.run, observer=observer)


@pytest.mark.parametrize("case", rows(refused=True))
def test_what_is_wrong_is_refused_with_its_reason_and_changes_nothing(
    case: Case,
    world: World,
    unchanged: Callable[[int], Database],
    capfd: pytest.CaptureFixture[str],
    proof: Proof,
) -> None:
    text, target, listening = case.dump(world), unchanged(case.into), Listening()
    before = [state(target), surroundings(target)]
    with pytest.raises(Failure) as caught:
        refresh(case, text, target, listening)
    failure = caught.value
    said = f"{failure.what} {failure.hint}"
    assert failure.exit_code == case.code, said
    assert re.search(case.says, said, re.DOTALL), said
    assert failure.state == "The target is as it was: nothing was published."
    assert [state(target), surroundings(target)] == before
    nothing_else_happened(target, world, [said, *listening.said, *capfd.readouterr()])
    proof.happened(f"exit {failure.exit_code}: {failure.what}")


@pytest.mark.parametrize("case", rows(refused=False))
def test_what_is_only_unusual_is_published_whole(
    case: Case,
    world: World,
    older: Callable[[int], Database],
    capfd: pytest.CaptureFixture[str],
    proof: Proof,
) -> None:
    text, target, listening = case.dump(world), older(case.into), Listening()
    if case.before:
        target.run(*case.before, superuser=True)
    before, around = relations(target), surroundings(target)
    published = refresh(case, text, target, listening)
    assert re.search(case.says, "\n".join(listening.said))
    assert {kind: published.left_out[kind] for kind in case.left_out} == case.left_out
    assert not before & relations(target)
    assert published.still_there == []
    assert surroundings(target) == around
    assert personal_data(target) == []
    for table, rows in case.rows.items():
        assert copied(target, table) == rows
    for query, answer in case.holds.items():
        assert target.run(query, superuser=True) == answer
    nothing_else_happened(target, world, [*listening.said, *capfd.readouterr()])
    proof.happened("published")


def nothing_else_happened(target: Database, world: World, said: list[str]) -> None:
    assert not re.search("|".join(CANARIES), "\n".join(said), re.IGNORECASE), said
    assert not world.witness.exists()
    assert sessions(target) == 0


def copied(target: Database, table: str) -> bytes:
    with (
        psycopg.connect(target.superuser_url) as connection,
        connection.cursor().copy(f"COPY {table} TO STDOUT".encode()) as copy,
    ):
        return b"".join(bytes(block) for block in copy)
