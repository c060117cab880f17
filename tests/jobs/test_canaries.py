"""Nothing personal gets out: not into the target's files, not into a log, not onto the screen."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from fixtures.parts.postgres import Cluster
from fixtures.parts.seaweedfs import ObjectStore
from fixtures.parts.secrets import Credentials
from fixtures.production.canaries import find
from tests.jobs.scene import KEEP_EVERY_ROW, Production, Scene, make_production, make_target

ROWS = 6000


@pytest.fixture(scope="module")
def watched(credentials: Credentials, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Production, Cluster]]:
    """A production, and a target's cluster of its own that logs everything and compresses nothing."""
    plain = {"wal_compression": "off", "wal_level": "replica", "max_wal_size": "4GB"}
    with (
        Cluster(16, settings=plain) as production,
        Cluster(18, settings=plain, log_everything=True) as target,
    ):
        folder = tmp_path_factory.mktemp("watched")
        yield make_production(production, "marketplace", ROWS, 1, credentials, folder), target


def test_production_has_ten_thousand_canaries_and_the_search_sees_them(watched: tuple[Production, Cluster]) -> None:
    production, _ = watched
    assert len(production.canaries) >= 10_000
    with psycopg.connect(production.cluster.url(), autocommit=True) as connection:
        connection.execute("CHECKPOINT")  # what a page's header cuts in two in the log is whole in the table's file
    seen = {canary for _, canary in find(production.cluster.data_directory, production.canaries)}
    assert len(seen) > 0.95 * len(production.canaries)
    assert {canary for _, canary in find(production.text, production.canaries)} == set(production.canaries)


@pytest.mark.slow
@pytest.mark.fault("L4", "56")
@pytest.mark.parametrize(
    "ruleset", ["digitalmarketplace", str(KEEP_EVERY_ROW)], ids=["digitalmarketplace", "every row"]
)
def test_no_canary_is_anywhere_after_a_refresh(
    watched: tuple[Production, Cluster],
    object_store: ObjectStore,
    credentials: Credentials,
    tmp_path: Path,
    ruleset: str,
) -> None:
    production, cluster = watched
    name = f"canaries_{len(ruleset)}"
    scene = Scene(tmp_path, object_store, credentials, make_target(cluster, name), stage=f"canaries{len(ruleset)}")
    scene.ruleset = ruleset
    scene.put(production.ciphertext.read_bytes())
    output = ""
    for place in (0.4, 1.0):  # what a failing run says and leaves, also in the server's log, is searched too
        scene.put(damaged(production, place))
        failed = scene.refresh()
        assert failed.code == 13, failed.output
        output += failed.output
    ended = scene.refresh("--dump", good_one(scene))
    assert ended.code == 0, ended.output
    every_row = ruleset != "digitalmarketplace"
    kept = sum(production.rows.values())
    if not every_row:
        kept -= production.rows["audit_events"] + without_an_award(production)
    assert ended.report["rows"] == kept

    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        connection.execute("CHECKPOINT")
    assert find(cluster.data_directory, production.canaries) == []  # heap, TOAST, indexes, statistics, WAL
    assert find(cluster.log_file, production.canaries) == []
    written = tmp_path / "screen.txt"
    written.write_text(output + ended.output + str(ended.report))
    assert find(tmp_path, production.canaries) == []  # its working folder, its TMPDIR, its report and its output
    plain = tmp_path / "dumped.sql"
    with plain.open("wb") as out:
        subprocess.run([str(cluster.bin("pg_dump")), cluster.url(name)], stdout=out, check=True)
    assert find(plain, production.canaries) == []  # what compression may have hidden from the search of the files
    assert plain.stat().st_size > 1_000_000


def without_an_award(production: Production) -> int:
    with psycopg.connect(production.cluster.url(production.database)) as connection:
        found = connection.execute("SELECT count(*) FROM brief_responses WHERE awarded_at IS NULL").fetchone()
    assert found is not None
    return int(found[0])


def damaged(production: Production, place: float) -> bytes:
    ciphertext = bytearray(production.ciphertext.read_bytes())
    ciphertext[int((len(ciphertext) - 3) * place)] ^= 1
    return bytes(ciphertext)


def good_one(scene: Scene) -> str:
    """The name of the dump stored before the damaged one."""
    client = scene.store.client(scene.store.jobs)
    listed = client.list_objects_v2(Bucket=scene.store.bucket, Prefix=f"{scene.stage}-")
    return sorted(item["Key"] for item in listed["Contents"])[0]
