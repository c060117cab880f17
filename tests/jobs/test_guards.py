"""Production is refused, remote targets are confirmed, and no run is endless: with the real command."""

from __future__ import annotations

import os
import pty
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from psycopg.conninfo import conninfo_to_dict

from fixtures.parts.postgres import Cluster
from fixtures.parts.seaweedfs import ObjectStore
from fixtures.parts.secrets import Credentials
from tests.jobs.scene import DMREFRESH, Scene, state_of
from tests.jobs.small import bodies, small_scene, tunnelled


@pytest.fixture
def scene(
    cluster_for: Callable[[int], Cluster], object_store: ObjectStore, credentials: Credentials, tmp_path: Path
) -> Scene:
    return small_scene(cluster_for(16), cluster_for(18), object_store, credentials, tmp_path)[0]


def refused(scene: Scene, code: int, *arguments: str) -> str:
    """Run a refresh that must be refused before anything is fetched; returns what it printed."""
    before = state_of(scene.target_url)
    ended = scene.refresh(*arguments)
    assert ended.code == code, ended.output
    assert "keyring" not in ended.output
    assert "Traceback" not in ended.output
    assert state_of(scene.target_url) == before
    return ended.output


def protect(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([DMREFRESH, "protect", *arguments], capture_output=True, text=True, check=False)


@pytest.mark.fault("75a")
def test_a_protected_database_is_refused_until_the_settings_give_a_reason(scene: Scene) -> None:
    done = protect(scene.target_url)
    which = f"{scene.target_url.rsplit('/', 1)[1]} on 127.0.0.1\n"
    assert (done.returncode, done.stdout) == (0, f"marked as production: {which}"), done.stderr
    again = protect(scene.target_url)
    assert (again.returncode, again.stdout) == (0, f"was marked as production already: {which}")
    output = refused(scene, 15)
    assert "dmrefresh_protected" in output
    assert "The target is as it was" in output
    scene.more = 'not_production = "a snapshot of Monday"'
    ended = scene.refresh()
    assert ended.code == 0, ended.output
    assert ended.output.count("a snapshot of Monday") == 1
    assert bodies(scene) == {"canary"}


def test_protect_wants_a_url_without_a_password_that_leads_somewhere(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = protect(scene.target_url.replace("@", ":hunter2secret@"))
    assert secret.returncode == 2
    assert "PGPASSWORD" in secret.stderr
    assert "hunter2secret" not in secret.stdout + secret.stderr
    for crooked in ("postgresql://u:pa@hunter2@127.0.0.1:1/x", "postgresql://u:hunter2/ret@127.0.0.1:1/x"):
        shown = protect(crooked)
        assert shown.returncode == 2
        assert "percent-encode" in shown.stderr
        assert "hunter2" not in shown.stdout + shown.stderr
    for key, value in conninfo_to_dict(scene.target_url).items():
        monkeypatch.setenv({"dbname": "PGDATABASE"}.get(key, f"PG{key.upper()}"), str(value))
    for empty in ("", " ", "postgresql://"):
        nothing = protect(empty)
        assert nothing.returncode == 2
        assert "empty" in nothing.stderr
    assert protect("postgresql://nobody@127.0.0.1:1/x").returncode == 21
    assert protect("no url at all").returncode == 2
    assert scene.refresh().code == 0  # it is not marked


@pytest.mark.fault("75c")
def test_a_host_of_production_is_refused_before_its_tunnel_is_opened(scene: Scene) -> None:
    opened = scene.folder / "opened"
    scene.target_url = scene.target_url.replace("127.0.0.1", "db.example.com")
    scene.more = (
        f'tunnel = ["touch", "{opened}", "{{port}}"]\nnot_production = "it is a copy"\n'
        '[production]\nhosts = ["*.example.com"]'
    )
    ended = scene.refresh("--confirm", "local")
    assert ended.code == 15, ended.output
    assert "hosts" in ended.output
    assert not opened.exists()


@pytest.mark.fault("75b")
def test_a_production_is_known_by_name_and_by_its_servers_identifier(scene: Scene) -> None:
    name = scene.target_url.rsplit("/", 1)[1]
    scene.more = f'[production]\ndatabases = ["{name}"]'
    assert name in refused(scene, 15)
    scene.more = f'[production]\nsystem_identifier = 1\ndatabase = "{name}"'
    assert scene.refresh().code == 0
    scene.more = "[production]\nsystem_identifier = 1"
    assert "together" in refused(scene, 2)


def asked(scene: Scene, answer: str | None) -> tuple[int, str]:
    """Run it on a terminal; give the answer, or hang up, when it asks. Returns its exit code and all it printed."""
    ours, theirs = pty.openpty()
    argv = [DMREFRESH, "--config", str(scene.settings()), "clean-and-apply", "--target", "local"]
    with subprocess.Popen(argv, stdin=theirs, stdout=theirs, stderr=theirs, env=scene.environment()) as child:
        os.close(theirs)
        output = b""
        answered = False
        while True:
            try:
                block = os.read(ours, 4096)
            except OSError:  # EIO: nobody has the other end any more
                break
            output += block
            if not block:
                break
            if b"type local:" in output and not answered:
                answered = True
                os.write(ours, b"\x04" if answer is None else answer.encode() + b"\n")
        child.wait()
    os.close(ours)
    return child.returncode, output.decode()


@pytest.mark.fault("D14e")
def test_on_a_terminal_a_remote_target_is_refreshed_when_its_name_is_typed_and_only_then(scene: Scene) -> None:
    scene.more = tunnelled(scene.folder)
    for answer in ("y", "", "LOCAL", None):
        code, output = asked(scene, answer)
        assert code == 2, output
        assert "--confirm local" in output
        assert bodies(scene) == {"old"}
    code, output = asked(scene, "local")
    assert code == 0, output
    assert bodies(scene) == {"canary"}


@pytest.mark.parametrize("stdin", ["closed", "nothing", "a pipe that says y", "a pipe that says the name"])
def test_without_a_terminal_and_the_flag_it_ends_with_2_and_names_the_flag(scene: Scene, stdin: str) -> None:
    scene.more = tunnelled(scene.folder)
    before = state_of(scene.target_url)
    how = {
        "closed": "exec 0<&-; ",
        "nothing": "exec </dev/null; ",
        "a pipe that says y": "yes | ",
        "a pipe that says the name": "yes local | ",
    }[stdin]
    done = subprocess.run(
        ["/bin/sh", "-c", f'{how}"$0" --config "$1" clean-and-apply --target local', DMREFRESH, scene.settings()],
        env=scene.environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 2, done.stderr
    assert "--confirm local" in done.stderr
    assert "Traceback" not in done.stderr
    assert state_of(scene.target_url) == before


def test_the_flag_confirms_by_name_and_another_name_is_a_mistake_for_any_target(scene: Scene) -> None:
    assert "--confirm" in refused(scene, 2, "--confirm", "staging")
    scene.more = tunnelled(scene.folder)
    assert "--confirm" in refused(scene, 2, "--confirm", "staging")
    assert scene.refresh("--confirm", "local").code == 0
    assert bodies(scene) == {"canary"}


def test_a_gpg_that_stands_still_does_not_outlast_the_deadline(scene: Scene) -> None:
    scene.more = '[job]\ndeadline = "20 seconds"'
    before = state_of(scene.target_url)
    stopped: list[int] = []

    def stop_gpg(pid: int, over: threading.Event) -> None:
        """Stop every decrypting gpg of the run as soon as it is there."""
        while not over.wait(0.005):
            try:
                for child in psutil.Process(pid).children(recursive=True):
                    if child.pid not in stopped and child.name() == "gpg" and "--decrypt" in child.cmdline():
                        child.suspend()
                        stopped.append(child.pid)
            except psutil.Error:
                pass

    scene.put(scene.encrypt(os.urandom(8 << 20)))  # large enough that gpg is still at it
    over = threading.Event()
    with scene.start() as child:
        watcher = threading.Thread(target=stop_gpg, args=(child.pid, over))
        watcher.start()
        try:
            ended = scene.ended(child)
        finally:
            over.set()
            watcher.join()
    assert stopped, ended.output
    assert ended.code == 26, ended.output
    assert "deadline of 20 seconds" in ended.output
    assert "The target is as it was" in ended.output
    assert not any(psutil.pid_exists(pid) for pid in stopped)
    assert state_of(scene.target_url) == before


def test_a_deadline_that_is_none_is_a_mistake_in_the_settings(scene: Scene) -> None:
    scene.more = '[job]\ndeadline = "soon"'
    assert "`3 hours`" in refused(scene, 2)


def test_a_database_of_this_machine_needs_no_settings(scene: Scene) -> None:
    ended = scene.refresh("--target", scene.target_url)
    assert ended.code == 0, ended.output
    assert bodies(scene) == {"canary"}
    assert ended.report["target"] == "a database given by its URL"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgresql://app@db.example.org/app", "not on this machine (db.example.org), and no settings name it"),
        ("postgresql://app@192.0.2.1/app", "not on this machine (192.0.2.1)"),
        ("postgresql://app:hunter2@localhost/app", "a password in it"),
        ("postgresql://app:a@hunter2@localhost/app", "percent-encode"),
    ],
)
def test_a_database_elsewhere_or_with_its_password_is_no_target_by_its_url(scene: Scene, url: str, says: str) -> None:
    said = refused(scene, 2, "--target", url, "--confirm", url)
    assert says in said
    assert "hunter2" not in said.replace(url, "")
