"""A refresh whose rows are sanitised by several processes does and finds what one alone would, and leaves nobody."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import annotated_types
import psutil
import psycopg
import pytest

from dmrefresh.jobs.rulesets import beside
from dmrefresh.settings.job import Job
from fixtures.parts.postgres import Cluster
from fixtures.parts.seaweedfs import ObjectStore
from fixtures.parts.secrets import Credentials
from tests.children import named
from tests.faults.watching import Watched
from tests.jobs.scene import DMREFRESH, Production, Scene, keep_the_key, state_of
from tests.jobs.small import bodies, small_scene
from tests.jobs.test_leaks import leaking

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="there is one process elsewhere")
ASIDE = "dmrefresh-aside"
LOOKED_AT = {"originals": 0, "kept": 2000, "one_in": 1, "by_chance": 0}
"""In the dump of a small scene; nobody is told by a name of two letters."""


@pytest.fixture
def made(
    cluster_for: Callable[[int], Cluster], object_store: ObjectStore, credentials: Credentials, tmp_path: Path
) -> tuple[Scene, bytes]:
    scene, text = small_scene(cluster_for(16), cluster_for(18), object_store, credentials, tmp_path)
    processes(scene, 2)
    return scene, text


def processes(scene: Scene, count: int, more: str = "", target: str = "") -> None:
    scene.more = f"{target}\n[job]\nprocesses = {count}\n{more}"


@pytest.mark.parametrize(
    ("processes", "remote", "cores", "wanted", "begin"),
    [
        (None, True, 2, 1, beside._LARGE),
        (None, False, 2, 0, beside._LARGE),
        (None, False, 3, 1, beside._LARGE),
        (None, True, 8, 1, beside._LARGE),
        (None, True, 1, 0, beside._LARGE),
        (1, True, 8, 0, 0),
        (4, False, 2, 3, 0),
    ],
    ids=["remote", "beside a server on two cores", "beside a server on three", "many cores", "one core", "one", "four"],
)
def test_unsaid_there_is_a_second_process_where_a_core_is_to_spare_and_the_dump_is_large(
    monkeypatch: pytest.MonkeyPatch, processes: int | None, remote: bool, cores: int, wanted: int, begin: int
) -> None:
    @contextmanager
    def at_hand(_: str, most: int) -> Iterator[list[object]]:
        yield [object()] * most

    monkeypatch.setattr(beside, "cores", lambda: float(cores))
    monkeypatch.setattr("dmrefresh.machine.aside.at_hand", at_hand)
    with beside.fellows(processes, remote=remote) as found:
        assert (len(found.make), found.begin) == (wanted, begin)


def test_no_more_can_be_asked_for_than_stand_by() -> None:
    most = [one.le for one in Job.model_fields["processes"].metadata if isinstance(one, annotated_types.Le)]
    assert most == [beside.MOST + 1]


@pytest.mark.parametrize(("processes", "kept"), [(None, 1), (1, 0), (2, 1), (4, 3)])
def test_who_is_not_wanted_goes_as_soon_as_the_settings_say_so(
    monkeypatch: pytest.MonkeyPatch, processes: int | None, kept: int
) -> None:
    said: list[int] = []
    monkeypatch.setattr("dmrefresh.machine.aside.keep", said.append)
    beside.keep(processes)
    assert said == [kept]


def fellow_of(child: subprocess.Popen[str]) -> psutil.Process:
    """The process beside it, once it is there; it has done by then what it does first of all."""
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
    for count in (2, 1):
        processes(scene, count)
        ended = scene.refresh()
        assert ended.code == 14, ended.output
        assert canary.decode() not in ended.output.lower()
        assert "attempt 2" not in ended.output
        assert state_of(scene.target_url) == before
        said.append(ended.output[ended.output.index("note.body: 1 e-mail address of note.details.name, once") :])
    assert said[0].partition("hint:")[0] == said[1].partition("hint:")[0]


def test_what_is_published_is_the_same_as_one_process_publishes_and_holds_nothing_personal(
    scene: Scene, production: Production, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_the_key(scene.credentials, scene.folder / "key.enc")
    monkeypatch.setenv("DMREFRESH_KEYS_SANITISER_KEY", str(scene.folder / "key.enc"))
    published = []
    for count in (3, 1):
        processes(scene, count)
        ended = scene.refresh()
        assert ended.code == 0, ended.output
        published.append([row for row in state_of(scene.target_url) if len(row) == 3 and isinstance(row[1], int)])
    assert published[0] == published[1]
    assert sum(row[1] for row in published[0]) > 1000
    with psycopg.connect(scene.target_url) as connection:
        texts = b"".join(_text_of(connection, row[0]) for row in published[0])
    assert [canary for canary in production.canaries if canary in texts] == []


def _text_of(connection: psycopg.Connection, table: str) -> bytes:
    with connection.cursor().copy(f'COPY "{table}" TO STDOUT'.encode()) as copy:
        return b"".join(bytes(block) for block in copy)


def test_a_dump_that_is_read_twice_is_looked_at_anew(made: tuple[Scene, bytes]) -> None:
    scene, _ = made
    processes(scene, 2, target="verify_first = true")
    ended = scene.refresh()
    assert ended.code == 0, ended.output
    assert ended.report["leak_check"] == LOOKED_AT
    assert bodies(scene) == {"canary"}


def test_where_a_fellow_is_killed_the_attempt_fails_and_the_next_does_without(made: tuple[Scene, bytes]) -> None:
    scene, _ = made
    with scene.start() as child:
        fellow = fellow_of(child)
        fellow.suspend()
        at_rest(child)
        fellow.kill()
        ended = scene.ended(child)
    assert ended.code == 0, ended.output
    assert "A process that sanitises rows was ended by SIGKILL before it was done." in ended.output
    assert "attempt 2 of 3 succeeded" in ended.output
    assert ended.report["leak_check"] == LOOKED_AT
    assert bodies(scene) == {"canary"}


def test_where_nobody_is_wanted_one_who_does_not_answer_is_no_matter(made: tuple[Scene, bytes]) -> None:
    scene, _ = made
    processes(scene, 1)
    with scene.start() as child:
        fellow_of(child).suspend()
        ended = scene.ended(child)
    assert ended.code == 0, ended.output
    assert "attempt" not in ended.output
    assert bodies(scene) == {"canary"}


def at_rest(child: subprocess.Popen[str]) -> None:
    """Wait until the run has had nothing to do for two seconds, because its fellow does not answer.

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


@pytest.mark.parametrize("verify_first", ["true", "false"])
@pytest.mark.parametrize("how", ["Ctrl-C", "the deadline"])
def test_a_run_that_waits_for_its_fellow_can_be_ended_and_leaves_nobody(
    made: tuple[Scene, bytes], how: str, verify_first: str
) -> None:
    scene, _ = made
    deadline = 'deadline = "10 seconds"' if how == "the deadline" else ""
    processes(scene, 2, deadline, f"verify_first = {verify_first}")
    before = state_of(scene.target_url)
    with scene.start() as child:
        fellow = fellow_of(child)
        fellow.suspend()
        others = psutil.Process(child.pid).children(recursive=True)
        if how == "Ctrl-C":
            at_rest(child)
            for one in (child.pid, fellow.pid):  # a terminal tells the whole group
                psutil.Process(one).send_signal(signal.SIGINT)
        ended = scene.ended(child)
    assert ended.code == (130 if how == "Ctrl-C" else 26), ended.output
    assert state_of(scene.target_url) == before
    assert all(gone(one) for one in others)


def test_a_run_that_is_killed_leaves_no_fellow_and_while_it_runs_nobody_sees_what_it_reads(
    made: tuple[Scene, bytes],
) -> None:
    scene, _ = made
    watched = Watched((b"canary ",))
    with scene.start() as child:
        fellow = fellow_of(child)
        fellow.suspend()
        at_rest(child)
        watched.look(child.pid)
        assert fellow.cmdline() == psutil.Process(child.pid).cmdline()
        assert {Path(one.path).name for one in fellow.open_files()} <= {"null"}
        child.kill()
        assert gone(fellow)
        child.communicate()
    assert watched.found == set()
    assert scene.refresh().code == 0  # which takes away what the one before has left
    assert any(ASIDE in arguments or DMREFRESH in arguments for arguments in watched.arguments)
