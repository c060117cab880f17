"""A small production, and a target of its own for each test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.parts.postgres import Cluster
from fixtures.parts.seaweedfs import ObjectStore
from fixtures.parts.secrets import Credentials
from tests.jobs.scene import Scene
from tests.jobs.small import small_scene


@pytest.fixture
def scene(
    cluster_for: Callable[[int], Cluster],
    object_store: ObjectStore,
    credentials: Credentials,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Scene:
    """2,000 rows of one table, in a surrounding that chooses nothing."""
    for name in ("CI", "NO_COLOR", "DMREFRESH_PROGRESS", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)
    return small_scene(cluster_for(16), cluster_for(18), object_store, credentials, tmp_path)[0]
