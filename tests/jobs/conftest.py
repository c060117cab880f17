"""One production for all jobs' tests, and a target of its own for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from fixtures.parts.postgres import Cluster
from fixtures.parts.seaweedfs import ObjectStore
from fixtures.parts.secrets import Credentials
from tests.jobs.backing_up import Backup, make_backup
from tests.jobs.gateway import Gateway
from tests.jobs.hospital import Hospital, TlsStore, ward
from tests.jobs.scene import Production, Scene, make_production, make_target


@pytest.fixture(scope="session")
def production(
    cluster_for: Callable[[int], Cluster], credentials: Credentials, tmp_path_factory: pytest.TempPathFactory
) -> Production:
    """A production of 3,000 rows on PostgreSQL 16."""
    return make_production(cluster_for(16), "marketplace", 3000, 1, credentials, tmp_path_factory.mktemp("production"))


@pytest.fixture
def scene(
    production: Production,
    cluster_for: Callable[[int], Cluster],
    object_store: ObjectStore,
    credentials: Credentials,
    tmp_path: Path,
) -> Scene:
    """A target on PostgreSQL 18 that holds older rows, and production's dump as the newest of its stage."""
    name = f"t{uuid4().hex[:12]}"
    made = Scene(tmp_path, object_store, credentials, make_target(cluster_for(18), name), stage=name)
    made.put(production.ciphertext.read_bytes())
    return made


@pytest.fixture
def backup(
    cluster_for: Callable[[int], Cluster], object_store: ObjectStore, credentials: Credentials, tmp_path: Path
) -> Backup:
    """A source of 2,000 rows on PostgreSQL 16, and an empty target on 18."""
    return make_backup(cluster_for(16), cluster_for(18), object_store, credentials, tmp_path)


@pytest.fixture
def here(backup: Backup, monkeypatch: pytest.MonkeyPatch) -> Backup:
    """The same, with what the command would have in its environment in this process's own."""
    for name, value in backup.environment().items():
        monkeypatch.setenv(name, value)
    return backup


@pytest.fixture(scope="session")
def _ward(_clean_surroundings: None) -> Iterator[tuple[TlsStore, Gateway]]:
    with ward() as parts:
        yield parts


@pytest.fixture
def hospital(
    _ward: tuple[TlsStore, Gateway], credentials: Credentials, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Hospital:
    """Keys and buckets in order; there is no dump, no source, and no target but a bucket."""
    made = Hospital(tmp_path, *_ward, credentials, stage=f"h{uuid4().hex[:12]}")
    for name, value in made.variables.items():
        monkeypatch.setenv(name, value)
    return made
