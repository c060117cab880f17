"""The witness is one: where psql is given the dumps that must run nothing, it runs what they say."""

from __future__ import annotations

import subprocess

import pytest

from fixtures.parts.processes import environment
from tests.faults.dump_text import CASES
from tests.faults.world import MakeDatabase, World

MAKE_THE_FILE = ("29a", "29b", "29c", "29e", "31a")
"""Not 28d: newer versions of psql take no command for a key."""


@pytest.mark.parametrize("row", MAKE_THE_FILE)
def test_psql_would_have_run_it(row: str, world: World, make_database: MakeDatabase) -> None:
    (case,) = (case for case in CASES if case.id == row)
    database = make_database(16)
    argv = [str(database.cluster.bin("psql")), "-X", "-q", database.superuser_url]
    try:
        subprocess.run(argv, input=case.dump(world), capture_output=True, check=False, env=environment())
        assert world.witness.exists()
    finally:
        world.witness.unlink(missing_ok=True)
