"""What a run finds around it: full outputs, folders that cannot be written to, no home, few files, an open umask."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from dmrefresh.keys.private import memory_backed_storage
from fixtures.parts.postgres import Cluster
from fixtures.parts.seaweedfs import ObjectStore
from fixtures.parts.secrets import Credentials
from tests.faults.moments import halting
from tests.jobs.scene import DMREFRESH, Ended, Scene, state_of
from tests.jobs.small import bodies, small_scene
from tests.proof import Proof


@pytest.fixture
def small(
    cluster_for: Callable[[int], Cluster], object_store: ObjectStore, credentials: Credentials, tmp_path: Path
) -> tuple[Scene, bytes]:
    return small_scene(cluster_for(16), cluster_for(18), object_store, credentials, tmp_path)


@pytest.fixture
def scene(small: tuple[Scene, bytes]) -> Scene:
    return small[0]


def refresh(scene: Scene, shell: str, **changed: str | None) -> Ended:
    """Run a refresh from a shell that has done something before; None takes a variable out of the environment."""
    words = f'{shell} "{DMREFRESH}" --config "{scene.settings()}" clean-and-apply --target local'
    environment = {name: value for name, value in (scene.environment() | changed).items() if value is not None}
    done = subprocess.run(
        ["setsid", "--wait", "sh", "-c", words],
        env=environment,
        cwd=scene.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return Ended(done.returncode, done.stdout, {}, 0)


@pytest.mark.parametrize(
    ("shell", "changed"),
    [
        pytest.param("exec >/dev/full 2>&1;", {}, marks=pytest.mark.fault("84a"), id="full outputs"),
        pytest.param("", {"TMPDIR": "/proc"}, marks=pytest.mark.fault("84b"), id="no place for files"),
        pytest.param(
            "exec <&-;",
            {"HOME": None, "USER": None, "LOGNAME": None, "LANG": None, "LC_ALL": "C", "TERM": None},
            marks=pytest.mark.fault("84e"),
            id="no home",
        ),
    ],
)
def test_surroundings_that_are_not_needed(
    shell: str, changed: dict[str, str | None], scene: Scene, proof: Proof
) -> None:
    before = state_of(scene.target_url)
    if "TMPDIR" in changed:
        changed = changed | {"TEMP": str(scene.folder / "tmp")}
    ended = refresh(scene, shell, **changed)
    proof.renewed(scene, ended, before)
    assert bodies(scene) == {"canary"}


@pytest.mark.fault("84d")
def test_a_run_needs_few_open_files_and_says_where_there_are_fewer(scene: Scene, proof: Proof) -> None:
    before = state_of(scene.target_url)
    proof.unchanged(scene, refresh(scene, "ulimit -n 12;"), before, 2, says="raise it: ulimit -n")
    proof.renewed(scene, refresh(scene, "ulimit -n 32;"), before)


@pytest.mark.fault("84c")
def test_an_open_umask_opens_nothing(small: tuple[Scene, bytes], proof: Proof) -> None:
    scene, text = small
    before = state_of(scene.target_url)
    usual = os.umask(0)
    try:
        with halting(scene, text, "decrypt") as halted, halted.refreshing() as child:
            keyrings = list(memory_backed_storage().glob("dmrefresh-*"))
            files = list((scene.folder / "tmp").rglob("*"))
            modes = {path: path.stat().st_mode & 0o077 for path in [*keyrings, *files]}
            os.kill(child.pid, signal.SIGTERM)
            ended = scene.ended(child)
    finally:
        os.umask(usual)
    assert keyrings != []
    assert {path: mode for path, mode in modes.items() if mode} == {}
    proof.unchanged(scene, ended, before, 128 + signal.SIGTERM)
