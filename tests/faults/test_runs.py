"""A refresh that is ended or killed at any moment leaves the old data or the new, whole, and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import psycopg
import pytest

from fixtures.parts.postgres import Cluster
from fixtures.parts.seaweedfs import ObjectStore
from fixtures.parts.secrets import Credentials
from tests.faults.moments import BEFORE_THE_COMMIT, FROM_THE_COMMIT_ON, MOMENTS, halting
from tests.jobs.scene import Scene, state_of
from tests.jobs.small import bodies, small_scene
from tests.proof import Proof

Small: TypeAlias = tuple[Scene, bytes]


@pytest.fixture
def small(
    cluster_for: Callable[[int], Cluster], object_store: ObjectStore, credentials: Credentials, tmp_path: Path
) -> Small:
    return small_scene(cluster_for(16), cluster_for(18), object_store, credentials, tmp_path)


def term(child: subprocess.Popen[str]) -> int:
    os.kill(child.pid, signal.SIGTERM)
    return signal.SIGTERM


def hang_up(child: subprocess.Popen[str]) -> int:
    os.kill(child.pid, signal.SIGHUP)
    return signal.SIGHUP


def interrupt(child: subprocess.Popen[str]) -> int:
    os.kill(child.pid, signal.SIGINT)
    return signal.SIGINT


def interrupt_twice(child: subprocess.Popen[str]) -> int:
    interrupt(child)
    time.sleep(0.1)
    return interrupt(child)


ONE_EACH = dict(zip(MOMENTS, [term, interrupt, interrupt_twice, hang_up] * 2, strict=True))
"""What is sent at each moment by the quick tests; the slow ones send all of it at each."""
DEEDS = [term, interrupt, interrupt_twice, hang_up]
ALL = [(moment, deed) for moment in MOMENTS for deed in DEEDS]


def end_at(moment: str, deed: Callable[[subprocess.Popen[str]], int], small: Small, proof: Proof) -> None:
    scene, text = small
    before = state_of(scene.target_url)
    with halting(scene, text, moment) as halted, halted.refreshing() as child:
        number = deed(child)
        ended = scene.ended(child)
    if moment in BEFORE_THE_COMMIT:
        said = f"ended by {signal.Signals(number).name}; rolled back, the target is as it was"
        proof.unchanged(scene, ended, before, 128 + number, says=said)
    else:
        proof.renewed(scene, ended, before, says="local is refreshed")
        assert bodies(scene) == {"canary"}


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param("key", marks=pytest.mark.fault("80a")),
        pytest.param("download", marks=pytest.mark.fault("80b")),
        pytest.param("decrypt", marks=pytest.mark.fault("80c")),
        pytest.param("rows", marks=pytest.mark.fault("80d")),
        pytest.param("constraints", marks=pytest.mark.fault("80e")),
        pytest.param("verify", marks=pytest.mark.fault("80f")),
        pytest.param("mid-swap", marks=pytest.mark.fault("80g")),
        pytest.param("after the swap", marks=pytest.mark.fault("80h")),
    ],
)
def test_a_signal_ends_a_refresh_in_order_or_not_at_all(moment: str, small: Small, proof: Proof) -> None:
    end_at(moment, ONE_EACH[moment], small, proof)


@pytest.mark.slow
@pytest.mark.parametrize(("moment", "deed"), [one for one in ALL if ONE_EACH[one[0]] is not one[1]])
@pytest.mark.fault("80a", "80b", "80c", "80d", "80e", "80f", "80g", "80h")
def test_any_signal_does_at_any_moment(
    moment: str, deed: Callable[[subprocess.Popen[str]], int], small: Small, proof: Proof
) -> None:
    end_at(moment, deed, small, proof)


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param("download", marks=pytest.mark.fault("81a")),
        pytest.param("decrypt", marks=pytest.mark.fault("81a")),
        pytest.param("rows", marks=pytest.mark.fault("81a")),
        pytest.param("constraints", marks=[pytest.mark.fault("81a"), pytest.mark.slow]),
        pytest.param("verify", marks=[pytest.mark.fault("81a"), pytest.mark.slow]),
        pytest.param("mid-swap", marks=pytest.mark.fault("81b")),
        pytest.param("after the swap", marks=pytest.mark.fault("81b")),
    ],
)
def test_a_refresh_that_is_killed_leaves_nothing_that_the_next_does_not_clear_up(
    moment: str, small: Small, proof: Proof
) -> None:
    scene, text = small
    before = state_of(scene.target_url)
    # A gpg that we have stopped could not see that it is alone: it sleeps instead, and then finds nobody there.
    with halting(scene, text, moment, pause="sleep 2") as halted, halted.refreshing() as child:
        os.kill(child.pid, signal.SIGKILL)
        ended = scene.ended(child)
    assert ended.code == -signal.SIGKILL
    if moment in FROM_THE_COMMIT_ON:
        assert bodies(scene) <= {"old", "canary"}
    else:
        wait_for_rollback(scene)
        proof.unchanged(scene, ended, before, -signal.SIGKILL)
    proof.published(scene)
    assert bodies(scene) == {"canary"}


def wait_for_rollback(scene: Scene) -> None:
    """The server sees that nobody is there once the statement ends, or at once where it looks for it."""
    with psycopg.connect(scene.target_url) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE wait_event = 'PgSleep' AND usename = current_user"
        )
