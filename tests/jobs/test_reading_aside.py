"""A refresh whose leak check is read by a second process finds what it would find by itself, and leaves nobody."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from dmrefresh.jobs.refresh import encrypted
from fixtures.parts.postgres import Cluster
from fixtures.parts.seaweedfs import ObjectStore
from fixtures.parts.secrets import Credentials
from tests.children import named
from tests.faults.watching import Watched
from tests.jobs.scene import DMREFRESH, Scene, state_of
from tests.jobs.small import bodies, small_scene
from tests.jobs.test_leaks import leaking

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="nothing is read aside elsewhere")
ASIDE = "dmrefresh-aside"
LOOKED_AT = {"originals": 0, "kept": 2000, "one_in": 1, "by_chance": 0}
"""In the dump of a small scene; nobody is told by a name of two letters."""


@pytest.fixture
def made(
    cluster_for: Callable[[int], Cluster], object_store: ObjectStore, credentials: Credentials, tmp_path: Path
) -> tuple[Scene, bytes]:
    scene, text = small_scene(cluster_for(16), cluster_for(18), object_store, credentials, tmp_path)
    aside(scene, "true")
    return scene, text


def aside(scene: Scene, wanted: str, more: str = "", target: str = "") -> None:
    scene.more = f"{target}\n[job]\naside = {wanted}\n{more}"


@pytest.mark.parametrize(
    ("size", "remote", "cores", "wanted"),
    [(1, True, 8, False), (50 << 20, True, 2, True), (50 << 20, False, 2, False), (50 << 20, False, 4, True)],
    ids=["small", "remote", "beside a server on two cores", "beside a server on four"],
)
def test_a_core_is_taken_for_it_only_where_one_is_to_spare(
    monkeypatch: pytest.MonkeyPatch, size: int, remote: bool, cores: int, wanted: bool
) -> None:
    monkeypatch.setattr(encrypted, "cores", lambda: cores)
    assert encrypted.reads_aside(size, remote=remote) is wanted


def reader_of(child: subprocess.Popen[str]) -> psutil.Process:
    """The process that reads aside, once it is there; it has done by then what it does first of all."""
    end = time.monotonic() + 20
    while not (found := named(ASIDE, pid=child.pid)):
        assert time.monotonic() < end
        assert child.poll() is None
        time.sleep(0.01)
    time.sleep(0.1)
    return found[0]


def gone(process: psutil.Process) -> bool:
    try:
        process.wait(20)
    except psutil.TimeoutExpired:
        return False
    return True


def test_what_leaks_is_found_as_it_is_without(made: tuple[Scene, bytes]) -> None:
    scene, text = made
    spoiled, canary = leaking(scene, text)
    scene.put(scene.encrypt(spoiled))
    before = state_of(scene.target_url)
    said = []
    for wanted in ("true", "false"):
        aside(scene, wanted)
        ended = scene.refresh()
        assert ended.code == 14, ended.output
        assert canary.decode() not in ended.output.lower()
        assert "attempt 2" not in ended.output
        assert state_of(scene.target_url) == before
        said.append(ended.output[ended.output.index("note.body: 1 e-mail address of note.details.name, once") :])
    assert said[0].partition("hint:")[0] == said[1].partition("hint:")[0]


def test_a_dump_that_is_read_twice_is_looked_at_anew(made: tuple[Scene, bytes]) -> None:
    scene, _ = made
    aside(scene, "true", target="verify_first = true")
    ended = scene.refresh()
    assert ended.code == 0, ended.output
    assert ended.report["leak_check"] == LOOKED_AT
    assert bodies(scene) == {"canary"}


def test_where_its_reader_is_killed_the_attempt_fails_and_the_next_does_without(made: tuple[Scene, bytes]) -> None:
    scene, _ = made
    with scene.start() as child:
        reader = reader_of(child)
        reader.suspend()
        at_rest(child)
        reader.kill()
        ended = scene.ended(child)
    assert ended.code == 0, ended.output
    assert "The process that looks for leaks was ended by SIGKILL before it was done." in ended.output
    assert "attempt 2 of 3 succeeded" in ended.output
    assert ended.report["leak_check"] == LOOKED_AT
    assert bodies(scene) == {"canary"}


def test_where_nobody_is_wanted_a_reader_that_does_not_answer_is_no_matter(made: tuple[Scene, bytes]) -> None:
    scene, _ = made
    aside(scene, "false")
    with scene.start() as child:
        reader_of(child).suspend()
        ended = scene.ended(child)
    assert ended.code == 0, ended.output
    assert "attempt" not in ended.output
    assert bodies(scene) == {"canary"}


def at_rest(child: subprocess.Popen[str]) -> None:
    """Wait until the run has had nothing to do for two seconds, because its reader does not answer.

    Where others are at work it may have no time rather than nothing to do: then one of its threads is ready to run.
    """
    run, still, before = psutil.Process(child.pid), 0, 0.0
    end = time.monotonic() + 60
    while still < 20:
        assert time.monotonic() < end
        assert child.poll() is None
        used = sum(run.cpu_times()[:2])
        still, before = (still + 1 if used - before < 0.03 and not ready_to_run(child.pid) else 0), used
        time.sleep(0.1)


def ready_to_run(pid: int) -> bool:
    """Whether any thread is; see proc(5), where the state comes after the name in its brackets."""
    for one in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):
            if (one / "stat").read_text().rpartition(")")[2].split()[0] == "R":
                return True
    return False


@pytest.mark.parametrize("how", ["Ctrl-C", "the deadline"])
def test_a_run_that_waits_for_its_reader_can_be_ended_and_leaves_nobody(made: tuple[Scene, bytes], how: str) -> None:
    scene, _ = made
    aside(scene, "true", 'deadline = "10 seconds"' if how == "the deadline" else "")
    before = state_of(scene.target_url)
    with scene.start() as child:
        reader = reader_of(child)
        reader.suspend()
        others = psutil.Process(child.pid).children(recursive=True)
        if how == "Ctrl-C":
            at_rest(child)
            for one in (child.pid, reader.pid):  # a terminal tells the whole group
                psutil.Process(one).send_signal(signal.SIGINT)
        ended = scene.ended(child)
    assert ended.code == (130 if how == "Ctrl-C" else 26), ended.output
    assert state_of(scene.target_url) == before
    assert all(gone(one) for one in others)


def test_a_run_that_is_killed_leaves_no_reader_and_while_it_runs_nobody_sees_what_it_reads(
    made: tuple[Scene, bytes],
) -> None:
    scene, _ = made
    watched = Watched((b"canary ",))
    with scene.start() as child:
        reader = reader_of(child)
        reader.suspend()
        at_rest(child)
        watched.look(child.pid)
        assert reader.cmdline() == psutil.Process(child.pid).cmdline()
        assert {Path(one.path).name for one in reader.open_files()} <= {"null"}
        child.kill()
        assert gone(reader)
        child.communicate()
    assert watched.found == set()
    assert scene.refresh().code == 0  # which takes away what the one before has left
    assert any(ASIDE in arguments or DMREFRESH in arguments for arguments in watched.arguments)
