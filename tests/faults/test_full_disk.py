"""A disk of the target is full: of its data, of its temporary files, or of its write-ahead log."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from dmrefresh.postgres.strategies.publish import StrategyName
from tests.faults.full_disk import CASES, Told, command

CALLED = {
    "data": "the disk of its data",
    "temp": "the disk of its temporary files",
    "wal": "the disk of its write-ahead log",
}
WHERE = {
    # Several sessions load and build indexes at once: any of them may be the one that finds no room.
    "data": ("while the rows of person were loaded", "at the ALTER TABLE ADD CONSTRAINT of the dump's line"),
    "temp": ("at the CREATE INDEX of the dump's line",),
    "wal": ("",),
}


@pytest.fixture(scope="module")
def told() -> dict[tuple[str, StrategyName], Told]:
    """What came of a refresh of each sort, each on small disks of its own, in a process of its own."""
    words = command()
    if not words:
        pytest.skip("to mount a small disk takes root, or user namespaces that this machine does not give")
    root = Path(__file__).parents[2]
    done = subprocess.run(words, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {(one["disk"], one["strategy"]): Told(**one) for one in json.loads(done.stdout)}


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(case))
@pytest.mark.fault("D13", "69")
def test_it_is_said_which_and_the_old_data_stays_until_there_is_room(
    case: tuple[str, StrategyName], told: dict[tuple[str, StrategyName], Told]
) -> None:
    disk, strategy = case
    one = told[case]
    assert one.failure.endswith("The target is as it was: nothing was published.")
    if disk == "wal" and one.exit_code == 21:  # another process of the server found it out first, and ended ours
        assert one.failure.startswith("TargetUnreachable: The connection to the target was lost ")
    else:
        assert (one.exit_code, one.retry) == (15, False)
        assert one.failure.startswith("TargetUnfit: The target cannot go on "), one.failure
        assert f"{CALLED[disk]} is full (SQLSTATE 53100)" in one.failure
        assert any(where in one.failure for where in WHERE[disk])
        assert "`dmrefresh plan` says how much" in one.failure
    assert one.panicked is (disk == "wal")
    assert (one.holds, one.same) == ("odd", True)
    # With the server gone nothing can be cleared up; the next run does it.
    assert one.left == ([f"wal_{strategy}_dmrefresh_new"] if (disk, strategy) == ("wal", "database") else [])
    assert (one.then, one.then_left) == ("even", [])
