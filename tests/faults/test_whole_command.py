"""Some rows of the table as an encrypted object in S3, through the command itself."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from fixtures.parts.seaweedfs import ObjectStore
from fixtures.parts.secrets import Credentials
from tests.faults.case import CANARIES, Case
from tests.faults.dump_text import CASES
from tests.faults.target import personal_data, relations, sessions, surroundings
from tests.faults.world import World
from tests.jobs.scene import Scene
from tests.jobs.test_faults import left_behind, unchanged
from tests.postgres.databases import Database

BY_ID = {case.id: case for case in CASES}
REFUSED = ("23", "26b", "28d", "29a", "31h", "36a", "47e", "48a")
"""One of each sort: cut off, killed, psql's commands, a statement, INSERT, a literal, the target."""


@pytest.fixture
def target(older: Callable[[int], Database]) -> Database:
    return older(16)


@pytest.fixture
def scene_for(
    target: Database, world: World, object_store: ObjectStore, credentials: Credentials, tmp_path: Path
) -> Callable[[Case], Scene]:
    """Stores the encrypted dump of a row, beside a ruleset for it."""

    def make(case: Case) -> Scene:
        ruleset = tmp_path / "small.yaml"
        ruleset.write_text(case.ruleset())
        stage = f"s{uuid4().hex[:12]}"
        scene = Scene(tmp_path, object_store, credentials, target.url, stage=stage, ruleset=str(ruleset))
        scene.put(scene.encrypt(case.dump(world)))
        return scene

    return make


@pytest.mark.parametrize("row", REFUSED)
def test_the_command_ends_with_the_code_of_the_table_and_says_why(
    row: str, scene_for: Callable[[Case], Scene], target: Database, world: World
) -> None:
    case = BY_ID[row]
    scene, around = scene_for(case), surroundings(target)
    output = unchanged(scene, case.code)
    assert re.search(case.says, " ".join(output.split()), re.DOTALL), output
    assert surroundings(target) == around
    nothing_else_happened(output, target, world)


def test_the_command_publishes_what_is_only_unusual(
    scene_for: Callable[[Case], Scene], target: Database, world: World
) -> None:
    case = BY_ID["30a"]
    scene, before, around = scene_for(case), relations(target), surroundings(target)
    ended = scene.refresh()
    assert ended.code == 0, ended.output
    assert not before & relations(target)
    assert surroundings(target) == around
    assert personal_data(target) == []
    assert left_behind(scene) == []
    nothing_else_happened(ended.output, target, world)


def nothing_else_happened(output: str, target: Database, world: World) -> None:
    assert not re.search("|".join(CANARIES), output, re.IGNORECASE), output
    assert not world.witness.exists()
    assert sessions(target) == 0
