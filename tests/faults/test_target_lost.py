"""The command loses its target in the middle of the rows: it begins again from a clean start, three times at most."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from dmrefresh.postgres.strategies.publish import StrategyName
from fixtures.parts.postgres import Cluster
from fixtures.parts.seaweedfs import ObjectStore
from fixtures.parts.secrets import Credentials
from tests.faults.swapping import restart
from tests.front import Front
from tests.jobs.scene import Scene, state_of
from tests.jobs.small import bodies, small_scene
from tests.postgres.test_strategies import STRATEGIES
from tests.proof import Proof
from tests.proxy import Proxy, faithful

IN_THE_ROWS = 60_000
"""Bytes after which a session on the target is in the middle of the 2,000 rows, and nowhere else."""

SceneFor = Callable[[StrategyName], Scene]
Deed = Callable[[Cluster, Proxy], object]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A server of its own, which can be stopped and killed."""
    with Cluster(18) as running:
        yield running


@pytest.fixture
def proxy(cluster: Cluster) -> Iterator[Proxy]:
    with Proxy(cluster.port) as running:
        yield running


@pytest.fixture
def scene_for(
    cluster: Cluster,
    proxy: Proxy,
    cluster_for: Callable[[int], Cluster],
    object_store: ObjectStore,
    credentials: Credentials,
    tmp_path: Path,
) -> SceneFor:
    """A target that is reached through the proxy, and refreshed by a strategy."""

    def make(strategy: StrategyName) -> Scene:
        scene, _ = small_scene(cluster_for(16), cluster, object_store, credentials, tmp_path)
        with psycopg.connect(cluster.url(), autocommit=True) as connection:
            connection.execute(f"ALTER ROLE {scene.stage} CREATEDB".encode())
        scene.target_url = f"postgresql://{scene.stage}@127.0.0.1:{proxy.port}/{scene.stage}"
        scene.more = f'strategy = "{strategy}"'
        return scene

    return make


def end_sessions(cluster: Cluster, proxy: Proxy) -> None:
    with psycopg.connect(cluster.url(), autocommit=True) as administrator:
        administrator.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'dmrefresh%'"
        )


def in_the_rows(cluster: Cluster, proxy: Proxy, deed: Deed, *, times: int) -> list[int]:
    """Do something whenever a session is in the middle of the rows; notes in which it was done."""
    done: list[int] = []

    def asked(number: int, offset: int, block: bytes) -> bytes:
        if offset + len(block) > IN_THE_ROWS and number not in done and len(done) < times:
            done.append(number)
            deed(cluster, proxy)
        return block

    proxy.question = asked
    return done


def expect_a_second_attempt(scene: Scene, done: list[int], proof: Proof) -> None:
    assert bodies(scene) == {"old"}
    ended = proof.published(scene)
    assert len(done) == 1
    assert ended.report["attempts"] == 2
    said = r"attempt 1 of 3 failed after [\d.]+ s: The connection to the target was lost while the rows of note were "
    assert re.search(f"{said}loaded", " ".join(ended.output.split()))
    assert bodies(scene) == {"canary"}


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.fault("67")
def test_a_connection_that_breaks_in_the_rows_is_followed_by_a_second_attempt(
    scene_for: SceneFor, cluster: Cluster, proxy: Proxy, strategy: StrategyName, proof: Proof
) -> None:
    scene = scene_for(strategy)
    expect_a_second_attempt(scene, in_the_rows(cluster, proxy, lambda cluster, proxy: proxy.cut(), times=1), proof)


@pytest.mark.parametrize(
    ("strategy", "mode"),
    [
        pytest.param("schema", "fast", marks=pytest.mark.fault("68b"), id="restarted"),
        pytest.param("database", "kill", marks=pytest.mark.fault("68c"), id="killed"),
    ],
)
def test_a_server_that_breaks_in_the_rows_is_followed_by_a_second_attempt(
    scene_for: SceneFor, cluster: Cluster, proxy: Proxy, strategy: StrategyName, mode: str, proof: Proof
) -> None:
    scene = scene_for(strategy)
    expect_a_second_attempt(scene, in_the_rows(cluster, proxy, lambda c, p: restart(c, p, mode), times=1), proof)


@pytest.mark.slow
@pytest.mark.fault("68d")
def test_after_three_attempts_it_gives_up(scene_for: SceneFor, cluster: Cluster, proxy: Proxy, proof: Proof) -> None:
    scene = scene_for("schema")
    done = in_the_rows(cluster, proxy, end_sessions, times=9)
    before = state_of(scene.target_url)
    ended = scene.refresh()
    proxy.question = lambda number, offset, block: block
    proof.unchanged(scene, ended, before, 21, says="attempt 3 of 3")
    assert len(done) == 3
    assert "attempt 4" not in ended.output
    assert bodies(scene) == {"old"}
    proof.published(scene)
    assert bodies(scene) == {"canary"}


def test_a_target_that_stays_down_is_noticed_before_all_is_fetched_again(
    scene_for: SceneFor, cluster: Cluster, proxy: Proxy, object_store: ObjectStore, proof: Proof
) -> None:
    scene, there = scene_for("schema"), proxy.upstream

    def go_down(cluster: Cluster, proxy: Proxy) -> None:
        proxy.upstream = ("127.0.0.1", 9)
        proxy.cut()

    in_the_rows(cluster, proxy, go_down, times=1)
    with Front(object_store) as front:
        scene.endpoint_url = front.url
        ended = scene.refresh()
        assert ended.code == 21, ended.output
        assert len(front.gets()) == 1
    proxy.question, proxy.upstream, scene.endpoint_url = faithful, there, None
    proof.published(scene)
