"""Programs that are missing, killed, stopped, or say nothing or far too much; and what each gets of our environment."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fixtures.parts.postgres import Cluster
from fixtures.parts.seaweedfs import ObjectStore
from fixtures.parts.secrets import Credentials
from tests.faults.moments import end_stopped, programs
from tests.jobs.backing_up import make_backup
from tests.jobs.scene import Scene
from tests.jobs.small import bodies, small_scene, tunnelled
from tests.proof import Proof

DECRYPTING = 'case "$*" in *--decrypt*) {};; esac'
FLOOD = "head -c 10000000 /dev/zero >&2"
KILLED = 'head -c 20000 | $real "$@" & wait; kill -KILL $$'
"""It has taken some of the message by then, and said some of its text."""


@pytest.fixture
def scene(
    cluster_for: Callable[[int], Cluster], object_store: ObjectStore, credentials: Credentials, tmp_path: Path
) -> Iterator[Scene]:
    made, _ = small_scene(cluster_for(16), cluster_for(18), object_store, credentials, tmp_path)
    yield made
    end_stopped(tmp_path)


@pytest.mark.parametrize(
    ("script", "says"),
    [
        pytest.param(None, "gpg is not installed", marks=pytest.mark.fault("14a"), id="missing"),
        pytest.param("exit 0", "gpg may not be run", marks=pytest.mark.fault("14b"), id="not executable"),
    ],
)
def test_without_a_gpg_that_can_be_run_nothing_begins(
    script: str | None, says: str, scene: Scene, proof: Proof, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = scene.folder / "few"
    place.mkdir()
    (place / "sops").symlink_to(shutil.which("sops") or "")
    if script is not None:
        (place / "gpg").write_text(script)
    monkeypatch.setenv("PATH", str(place))
    ended = proof.refused(scene, 12, says=says)
    assert "attempt 2" not in ended.output


@pytest.mark.parametrize(
    ("name", "script", "code", "says"),
    [
        pytest.param(
            "gpg",
            DECRYPTING.format(KILLED),
            25,
            "gpg was ended by SIGKILL",
            marks=[pytest.mark.fault("14c"), pytest.mark.slow],
            id="gpg is killed each time",
        ),
        pytest.param(
            "sops",
            "kill -KILL $$",
            25,
            "sops was ended by SIGKILL",
            marks=pytest.mark.fault("82a"),
            id="sops is killed each time",
        ),
        pytest.param(
            "sops",
            "exit 0",
            12,
            "sops cannot decrypt secret.key.enc",
            marks=pytest.mark.fault("82b"),
            id="sops ends well and says nothing",
        ),
        pytest.param(
            "gpg",
            DECRYPTING.format("exit 0"),
            13,
            "gpg could not verify it",
            marks=[pytest.mark.fault("82c"), pytest.mark.slow],
            id="gpg ends well and says nothing",
        ),
        pytest.param(
            "gpg",
            DECRYPTING.format('exec $real "$@" >&-'),
            13,
            "The decrypted dump is empty",
            marks=[pytest.mark.fault("82d"), pytest.mark.slow],
            id="gpg closes its output",
        ),
    ],
)
def test_a_program_that_comes_to_nothing_publishes_nothing(
    name: str, script: str, code: int, says: str, scene: Scene, proof: Proof
) -> None:
    with programs(scene.folder, **{name: script}):
        proof.refused(scene, code, says=says)


@pytest.mark.fault("14d")
def test_a_gpg_that_is_killed_once_is_begun_again_and_comes_through(scene: Scene, proof: Proof) -> None:
    once = f"[ -e {scene.folder}/once ] || {{ : > {scene.folder}/once; {KILLED}; }}"
    with programs(scene.folder, gpg=DECRYPTING.format(once)):
        proof.published(scene, says="gpg was ended by SIGKILL")
    assert bodies(scene) == {"canary"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "when"),
    [
        pytest.param("gpg", "*--decrypt*", marks=pytest.mark.fault("14e")),
        pytest.param("sops", "*", marks=pytest.mark.fault("82e")),
    ],
)
def test_a_program_that_stands_still_is_ended_by_the_deadline(name: str, when: str, scene: Scene, proof: Proof) -> None:
    there = scene.folder / "there"
    scene.more = '[job]\ndeadline = "20 seconds"'
    with programs(scene.folder, **{name: f'case "$*" in {when}) : > {there}; kill -STOP $$;; esac'}):
        proof.refused(scene, 26, says="deadline of 20 seconds")
    assert there.exists()


@pytest.mark.fault("82f")
def test_programs_that_flood_their_standard_error_do_not_stand_still(scene: Scene, proof: Proof) -> None:
    with programs(scene.folder, gpg=FLOOD, sops=FLOOD):
        proof.published(scene)


@pytest.mark.parametrize(
    ("script", "code", "says"),
    [
        pytest.param(FLOOD, 0, "is stored", marks=pytest.mark.fault("82g"), id="floods"),
        pytest.param(
            "exec >&-",
            24,
            "pg_dump",
            marks=[pytest.mark.fault("82h"), pytest.mark.slow],
            id="closes its output",
        ),
        pytest.param(
            "kill -STOP $$",
            26,
            "deadline of 20 seconds",
            marks=[pytest.mark.fault("82i"), pytest.mark.slow],
            id="stands still",
        ),
    ],
)
def test_a_pg_dump_that_is_not_well(
    script: str,
    code: int,
    says: str,
    cluster_for: Callable[[int], Cluster],
    object_store: ObjectStore,
    credentials: Credentials,
    tmp_path: Path,
    proof: Proof,
) -> None:
    backup = make_backup(cluster_for(16), cluster_for(18), object_store, credentials, tmp_path)
    program = tmp_path / "pg_dump"
    real = cluster_for(16).bin("pg_dump")
    program.write_text(f'#!/bin/sh\n[ "$1" = --version ] || {{ {script}; }}\nexec {real} "$@"\n')
    program.chmod(0o755)
    backup.source_more = f'[programs]\npg_dump = "{program}"'
    if code == 26:
        backup.source_more += '\n[job]\ndeadline = "20 seconds"'
    ended = backup.back_up("--accept-unverified")
    end_stopped(tmp_path)
    assert ended.code == code, ended.output
    assert says in " ".join(ended.output.split())
    assert (backup.objects() == []) is (code != 0)
    assert backup.parts() == []
    proof.nothing_left(backup, ended)
    proof.happened(ended)


BASE = {"PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "TZ", "LANG", "LC_ALL", "LC_CTYPE", "XDG_CONFIG_HOME"}
PLANTED = "hunter2"
RECORD = "cat /proc/$$/environ > {}/environment.{}.$$"
MAY = {
    "gpg": ("GNUPGHOME",),
    "gpgconf": ("GNUPGHOME",),
    "sops": ("SOPS_", "AWS_", "GOOGLE_", "CLOUDSDK_", "AZURE_", "VAULT_", "XDG_"),
    "hook": ("PGHOST", "DMREFRESH_TARGET", "DMREFRESH_DUMP", "DMREFRESH_RUN", "DMREFRESH_ROWS", "DMREFRESH_REPORT"),
    "tunnel": ("AWS_", "AZURE_", "CF_", "CLOUDSDK_", "GOOGLE_", "KUBECONFIG", "SSH_AUTH_SOCK", "XDG_"),
    "pg_dump": ("PGSERVICEFILE",),
}
"""What each may get beside the base: names, or beginnings of names."""


@pytest.mark.fault("82j")
def test_each_child_gets_what_it_needs_of_our_environment_and_no_more(
    scene: Scene, proof: Proof, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PGPASSWORD", "DATABASE_URL", "VCAP_SERVICES", "GITHUB_TOKEN", "SLACK_TOKEN", "DMREFRESH_TOKEN"):
        monkeypatch.setenv(name, PLANTED)
    monkeypatch.setenv("PGHOST", "elsewhere.example.org")
    folder = scene.folder
    hook = folder / "hook"
    hook.write_text(f"#!/bin/sh\n{RECORD.format(folder, 'hook')}\n")
    tunnel = folder / "tunnel"
    forward = tunnelled(folder).removeprefix("tunnel = ")
    arguments = forward.strip("[]").replace('"', "").split(", ")
    tunnel.write_text(f'#!/bin/sh\n{RECORD.format(folder, "tunnel")}\nexec {arguments[0]} "$@"\n')
    for program in (hook, tunnel):
        program.chmod(0o755)
    words = ", ".join(f'"{word}"' for word in (tunnel, *arguments[1:]))
    scene.more = f'tunnel = [{words}]\nbefore = [["{hook}"]]\nafter = [["{hook}"]]'
    with programs(folder, **{name: RECORD.format(folder, name) for name in ("gpg", "gpgconf", "sops")}):
        proof.published(scene, "--confirm", "local")
    seen = environments(folder)
    assert set(seen) == {"gpg", "gpgconf", "sops", "hook", "tunnel"}
    hold(seen)
    assert not [name for name in seen["sops"] if name.startswith("PG")]
    assert {"DMREFRESH_TARGET", "DMREFRESH_ROWS", "PGHOST"} <= seen["hook"]
    proof.happened("each child got its own few variables")


@pytest.mark.fault("82j")
def test_pg_dump_is_told_how_to_get_in_by_nothing_that_stays(
    cluster_for: Callable[[int], Cluster],
    object_store: ObjectStore,
    credentials: Credentials,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    backup = make_backup(cluster_for(16), cluster_for(18), object_store, credentials, tmp_path)
    monkeypatch.setenv("DATABASE_URL", PLANTED)
    backup.source_url = backup.source_url.replace("@", f":{PLANTED}@", 1)
    program = tmp_path / "pg_dump"
    program.write_text(f'#!/bin/sh\n{RECORD.format(tmp_path, "pg_dump")}\nexec {cluster_for(16).bin("pg_dump")} "$@"\n')
    program.chmod(0o755)
    backup.source_more = f'[programs]\npg_dump = "{program}"'
    assert backup.back_up().code == 0
    seen = environments(tmp_path)
    assert "PGSERVICEFILE" in seen["pg_dump"]
    hold(seen)


def environments(folder: Path) -> dict[str, set[str]]:
    """The names of the variables that each program got, any time it ran; none has a value that was planted."""
    seen: dict[str, set[str]] = {}
    for file in folder.glob("environment.*"):
        said = file.read_bytes()
        assert PLANTED.encode() not in said, file
        names = {os.fsdecode(one.partition(b"=")[0]) for one in said.split(b"\0") if one}
        seen.setdefault(file.name.split(".")[1], set()).update(names)
    return seen


def hold(seen: dict[str, set[str]]) -> None:
    for program, names in seen.items():
        others = {name for name in names - BASE if not name.startswith(MAY[program])}
        assert others == set(), program
