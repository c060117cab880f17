"""Commands before and after a refresh: what they are told, what their failing means, and the examples of the docs."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from fixtures.parts.postgres import Cluster
from fixtures.parts.seaweedfs import ObjectStore
from fixtures.parts.secrets import Credentials
from tests.jobs.scene import DMREFRESH, Scene, state_of
from tests.jobs.small import bodies, small_scene
from tests.proof import Proof

DOCS = Path(__file__).parents[2] / "docs" / "how-to" / "hooks.md"


LASTING = ["sleep", "600.108"]
"""What no other test that runs at the same time has running."""


@pytest.fixture
def scene(
    cluster_for: Callable[[int], Cluster], object_store: ObjectStore, credentials: Credentials, tmp_path: Path
) -> Scene:
    return small_scene(cluster_for(16), cluster_for(18), object_store, credentials, tmp_path)[0]


def script(scene: Scene, name: str, text: str) -> str:
    """An executable file of the scene's folder."""
    file = scene.folder / name
    file.write_text(text if text.startswith("#!") else f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return str(file)


def noting(scene: Scene, name: str) -> str:
    """A script that notes its environment and what the target holds."""
    return script(
        scene,
        name,
        f"""#!{sys.executable}
import json, os, psycopg, sys
with psycopg.connect({scene.target_url!r}) as c:
    held = c.execute("SELECT min(body) FROM note").fetchone()[0]
json.dump(dict(os.environ) | {{"held": held, "argv": sys.argv[1:]}}, open({str(scene.folder / name)!r} + ".json", "w"))
""",
    )


def noted(scene: Scene, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((scene.folder / f"{name}.json").read_text())
    return found


@pytest.mark.timeout(300)
def test_after_the_commit_a_standard_error_that_nobody_reads_holds_nothing_up(scene: Scene) -> None:
    scene.more = 'after = [["seq", "8000"]]'
    reading, writing = os.pipe()
    argv = [DMREFRESH, "--config", str(scene.settings()), "clean-and-apply", "--target", "local"]
    child = subprocess.Popen(argv, env=scene.environment(), cwd=scene.folder, stderr=writing)
    os.close(writing)
    try:
        assert child.wait(120) == 0
    finally:
        child.kill()
        child.wait()
        with os.fdopen(reading) as said:
            found = said.read()
    assert "seq: 1\n" in found
    assert "seq: 8000\n" not in found
    assert bodies(scene) == {"canary"}


@pytest.mark.fault("L2")
def test_hooks_are_told_what_is_done_and_no_url_or_secret(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DMREFRESH_HOOK_COLOUR", "blue")
    monkeypatch.setenv("PGAPPNAME", "hooked")
    monkeypatch.setenv("PGPASSWORD", "hunter2secret")
    before, after = noting(scene, "first"), noting(scene, "then")
    scene.more = f'before = [["{before}", "with", "an argument"]]\nafter = [["{after}"]]'
    ended = scene.refresh()
    assert ended.code == 0, ended.output
    one, two = noted(scene, "first"), noted(scene, "then")
    assert (one["held"], two["held"][:6]) == ("old", "canary")
    assert one["argv"] == ["with", "an argument"]
    for found in (one, two):
        assert (found["DMREFRESH_TARGET"], found["DMREFRESH_HOOK_COLOUR"]) == ("local", "blue")
        assert found["PGAPPNAME"] == "hooked"
        assert found["DMREFRESH_DUMP"] == ended.report["dump"]["name"]
        assert found["DMREFRESH_RUN"] == ended.report["run"]
        everything = json.dumps({key: value for key, value in found.items() if key != "held"})
        assert "postgresql://" not in everything
        assert "hunter2secret" not in everything
        assert scene.store.jobs.secret_key not in everything
    assert "DMREFRESH_ROWS" not in one
    assert two["DMREFRESH_ROWS"] == "2000"
    assert two["DMREFRESH_REPORT"] == str(scene.folder / "report.json")
    with psycopg.connect(scene.target_url) as connection:
        assert connection.execute("SELECT run FROM dmrefresh.receipts").fetchall() == [(two["DMREFRESH_RUN"],)]


def test_what_a_hook_writes_is_passed_on_line_by_line_and_does_nothing_to_the_terminal(scene: Scene) -> None:
    loud = script(scene, "loud.sh", r"printf 'one\nred \033[31m bell \007\n'; echo wrong >&2; printf 'no line feed'")
    scene.more = f'after = [["{loud}"]]'
    output = scene.refresh().output
    for line in ("loud.sh: one", r"loud.sh: red \x1b[31m bell \x07", "loud.sh: wrong", "loud.sh: no line feed"):
        assert re.search(rf"^\d\d:\d\d:\d\d  {re.escape(line)}$", output, re.MULTILINE), output
    assert "\x1b" not in output


def test_a_before_that_fails_stops_the_refresh_with_nothing_touched(scene: Scene) -> None:
    never = scene.folder / "never"
    no = script(scene, "no.sh", "echo because; exit 3")
    scene.more = f'before = [["{no}"], ["touch", "{never}"]]\nafter = [["touch", "{never}"]]'
    before = state_of(scene.target_url)
    ended = scene.refresh()
    assert ended.code == 15, ended.output
    assert "`no.sh` (before) ended with exit status 3" in ended.output
    assert "no.sh: because" in ended.output
    assert "The target is as it was" in ended.output
    assert "keyring" not in ended.output
    assert state_of(scene.target_url) == before
    assert not never.exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("exit 3", "ended with exit status 3"),
        ("kill -9 $$", "ended with signal 9"),
        ("#!/no/such/interpreter", "cannot be started"),
        (f"{' '.join(LASTING)} & {' '.join(LASTING)}", "did not end within 2 seconds"),
    ],
)
@pytest.mark.fault("108")
def test_an_after_that_fails_is_published_all_the_same_with_a_code_of_its_own(
    scene: Scene, text: str, said: str, proof: Proof
) -> None:
    never = scene.folder / "never"
    after = script(scene, "after.sh", text)
    scene.more = f'after = [["{after}"], ["touch", "{never}"]]\n[job]\nhook_limit = "2 seconds"'
    ended = scene.refresh()
    assert ended.code == 30, ended.output
    assert f"`after.sh` (after) {said}" in ended.output
    assert "The target is refreshed: the new data is published." in ended.output
    assert "not run: touch" in ended.output
    assert ended.report["rows"] == 2000
    assert bodies(scene) == {"canary"}
    assert not never.exists()
    assert [p for p in psutil.process_iter(["cmdline"]) if p.info["cmdline"] == LASTING] == []
    proof.happened(ended)
    proof.nothing_left(scene, ended)


def test_a_refresh_that_fails_runs_no_after(scene: Scene) -> None:
    never = scene.folder / "never"
    scene.more = f'after = [["touch", "{never}"]]'
    scene.put(b"damaged")
    assert scene.refresh().code == 13
    assert not never.exists()


def test_a_signal_ends_an_after_that_lasts_and_says_that_the_data_is_published(scene: Scene) -> None:
    begun = scene.folder / "begun"
    slow = script(scene, "slow.sh", f"touch {begun}; sleep 600")
    scene.more = f'after = [["{slow}"]]'
    with scene.start() as child:
        until = time.monotonic() + 60
        while not begun.exists() and time.monotonic() < until and child.poll() is None:
            time.sleep(0.02)
        os.kill(child.pid, signal.SIGTERM)
        ended = scene.ended(child)
    assert ended.code == 30, ended.output
    assert "`slow.sh` (after) was ended by SIGTERM" in ended.output
    assert bodies(scene) == {"canary"}


def test_what_a_hook_leaves_running_does_not_hold_up_the_run(scene: Scene) -> None:
    daemon = script(scene, "daemon.sh", f"sleep 30 & echo $! > {scene.folder}/pid")
    scene.more = f'after = [["{daemon}"]]\n[job]\nhook_limit = "20 seconds"'
    ended = scene.refresh()
    left = int((scene.folder / "pid").read_text())
    assert psutil.pid_exists(left)
    os.kill(left, signal.SIGKILL)
    assert ended.code == 0, ended.output


def test_a_command_without_a_program_is_a_mistake_in_the_settings(scene: Scene) -> None:
    scene.more = "before = [[]]"
    assert scene.refresh().code == 2


def example(name: str) -> str:
    """A script out of the docs."""
    found = re.search(rf"```sh\n(#!/bin/sh\n# {re.escape(name)}.*?)```", DOCS.read_text(), re.DOTALL)
    assert found is not None
    return found[1]


def with_alembic(scene: Scene, dumped: str | None) -> tuple[str, Path]:
    """A place for the docs' scripts: psql, an alembic of ours that notes its calls, and the application's version."""
    tools = scene.folder / "tools"
    tools.mkdir()
    calls = scene.folder / "calls"
    for name, text in {
        "alembic": f'case "$1" in heads) echo "b2 (head)";; *) echo "$@" >> {calls};; esac',
        "curl": f'echo "$@" >> {calls}',
    }.items():
        script(scene, f"tools/{name}", text)
    with psycopg.connect(scene.target_url, autocommit=True) as connection:
        if dumped is not None:
            connection.execute("CREATE TABLE alembic_version (version_num text)")
            connection.execute("INSERT INTO alembic_version VALUES (%s)", (dumped,))
    return str(tools), calls


@pytest.mark.parametrize(("dumped", "called"), [("a1", ["upgrade head"]), ("b2", [])])
def test_the_docs_migrations_run_only_where_the_dumps_version_is_another(
    scene: Scene, cluster_for: Callable[[int], Cluster], monkeypatch: pytest.MonkeyPatch, dumped: str, called: list[str]
) -> None:
    tools, calls = with_alembic(scene, dumped)
    psql = cluster_for(18).bin("psql").parent
    monkeypatch.setenv("PATH", f"{tools}:{psql}:{os.environ['PATH']}")
    monkeypatch.setenv("DMREFRESH_HOOK_DATABASE", scene.target_url)
    hook = script(scene, "migrate", example("migrate"))
    assert os.spawnl(os.P_WAIT, hook, hook) == 0
    assert (calls.read_text().splitlines() if calls.exists() else []) == called


def test_the_docs_index_rebuild_asks_once_for_each_index(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    tools, calls = with_alembic(scene, None)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    hook = script(scene, "reindex", example("reindex"))
    monkeypatch.setenv("DMREFRESH_HOOK_SEARCH", "https://search.example.org")
    scene.more = f'after = [["{hook}", "briefs", "services"]]'
    ended = scene.refresh()
    assert ended.code == 0, ended.output
    assert [line.rsplit("/", 2)[-2] for line in calls.read_text().splitlines()] == ["briefs", "services"]
