"""Memory stays flat whatever the size."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.parts.postgres import Cluster
from fixtures.parts.seaweedfs import ObjectStore
from fixtures.parts.secrets import Credentials
from tests.jobs.scene import KEEP_EVERY_ROW, Scene, make_production, make_target

ROWS = 12_000
"""About 11 MB of plain text: far more than all queues hold together is in the larger one."""


@pytest.mark.slow
@pytest.mark.fault("85")
def test_a_dump_ten_times_larger_takes_no_more_than_a_third_more_memory(
    cluster_for: Callable[[int], Cluster], object_store: ObjectStore, credentials: Credentials, tmp_path: Path
) -> None:
    peaks = []
    for factor in (1, 10):
        name = f"memory{factor}"
        scene = Scene(tmp_path, object_store, credentials, make_target(cluster_for(18), name), stage=name)
        scene.ruleset = str(KEEP_EVERY_ROW)
        production = make_production(cluster_for(18), f"of_{name}", ROWS * factor, 1, credentials, tmp_path)
        scene.put(production.ciphertext.read_bytes())
        ended = scene.refresh()
        assert ended.code == 0, ended.output
        assert ended.report["rows"] == sum(production.rows.values())
        peaks.append(ended.peak)
    assert peaks[1] < 1.3 * peaks[0], [f"{peak / 1e6:.0f} MB" for peak in peaks]
