"""status and rollback as commands: what they print, for people and for machines, and how they end."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from dmrefresh.postgres import lock
from fixtures.parts.postgres import Cluster
from tests.jobs.scene import DMREFRESH, Scene, state_of
from tests.postgres.databases import Database, dump_of
from tests.postgres.keeping import refresh

KEYS = {
    *(
        "target",
        "refreshed",
        "refreshed_at",
        "dump",
        "cleaned",
        "ruleset",
        "dmrefresh",
        "rows",
        "by",
        "role",
        "strategy",
        "run",
    ),
    *("rolled_back_to", "as_published", "kept", "kept_until"),
    *("under_way", "under_way_since", "under_way_role", "under_way_run", "version"),
}


@pytest.fixture
def target(cluster_for: Callable[[int], Cluster]) -> Database:
    name = f"t{uuid4().hex[:12]}"
    cluster_for(16).create_role_and_database(name, name)
    return Database(cluster_for(16), name)


@pytest.fixture
def dump(target: Database, tmp_path: Path) -> bytes:
    target.run("CREATE TABLE person (id integer PRIMARY KEY, name text)", "INSERT INTO person VALUES (1, 'a')")
    return dump_of(target, tmp_path)


@pytest.fixture
def command(target: Database, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs dmrefresh with a target `staging`."""
    (tmp_path / "dmrefresh.toml").write_text(f'[targets.staging]\nurl = "{target.url}"\n')

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        argv = [DMREFRESH, *arguments, "--target", "staging"]
        return subprocess.run(argv, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)

    return run


Command = Callable[..., "subprocess.CompletedProcess[str]"]


def as_json(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert (done.returncode, done.stderr) == (0, "")
    found: dict[str, Any] = json.loads(done.stdout)
    assert set(found) == KEYS
    assert not any(isinstance(value, (dict, list)) for value in found.values())
    assert found["version"] == 1
    return found


def test_a_target_that_was_never_refreshed_says_so_and_that_is_no_error(command: Command) -> None:
    done = command("status")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "staging was never refreshed by dmrefresh\n"
    found = as_json(command("status", "--json"))
    assert (found["refreshed"], found["refreshed_at"], found["kept"], found["under_way"]) == (False, None, False, False)


def test_it_says_when_from_what_by_whom_and_whether_there_is_a_way_back(
    command: Command, target: Database, dump: bytes
) -> None:
    refresh(dump, target, run="first")
    nothing = as_json(command("status", "--json"))
    assert (nothing["run"], nothing["kept"], nothing["kept_until"]) == ("first", False, None)
    assert "nothing to go back to" in command("status").stdout

    refresh(dump, target, run="second")
    found = as_json(command("status", "--json"))
    assert (found["run"], found["dump"], found["ruleset"], found["rows"]) == ("second", "a dump", "none", 1)
    assert (found["by"], found["role"], found["dmrefresh"]) == ("jo@here", target.name, "0")
    assert (found["strategy"], found["as_published"], found["kept"]) == ("schema", True, True)
    text = command("status").stdout
    assert text.startswith("staging was refreshed 20")
    assert f"jo@here as {target.name}, with dmrefresh 0" in text
    assert "dmrefresh rollback --target staging" in text
    target.run("DELETE FROM dmrefresh.receipts WHERE run = 'first'")
    found, text = as_json(command("status", "--json")), command("status").stdout
    assert (found["kept"], found["kept_until"] is not None) == (False, True)
    assert "no longer what was kept" in text
    assert "dmrefresh rollback" not in text


def test_a_refresh_under_way_is_shown_with_since_when_also_to_a_role_that_may_not_see_its_session(
    command: Command, target: Database, dump: bytes, cluster_for: Callable[[int], Cluster]
) -> None:
    refresh(dump, target)
    name = "dmrefresh 20261124T024432Z-0a1b2c3d"
    with psycopg.connect(target.superuser_url, application_name=name) as other:
        lock.take(other)
        found = as_json(command("status", "--json"))
        text = command("status").stdout
    assert (found["under_way"], found["under_way_since"]) == (True, "2026-11-24T02:44:32+00:00")
    assert found["under_way_run"] == "20261124T024432Z-0a1b2c3d"
    assert "is under way since 2026-11-24T02:44:32+00:00" in text
    with psycopg.connect(target.url, application_name="somebody") as other:
        lock.take(other)
        own = as_json(command("status", "--json"))
    assert (own["under_way"], own["under_way_run"], own["under_way_role"]) == (True, None, target.name)
    assert own["under_way_since"].endswith("+00:00")
    assert as_json(command("status", "--json"))["under_way"] is False


def test_a_name_in_a_receipt_moves_no_cursor(command: Command, target: Database, dump: bytes) -> None:
    refresh(dump, target)
    target.run("UPDATE dmrefresh.receipts SET dump = E'a\\x1b[2Jb\\nc'")
    text = command("status").stdout
    assert "\x1b" not in text
    assert r"a\x1b[2Jb\nc" in text


def test_status_changes_nothing(command: Command, target: Database, dump: bytes) -> None:
    refresh(dump, target)
    target.run("ALTER TABLE dmrefresh.receipts DROP COLUMN contents")
    before = target.run("SELECT attname FROM pg_attribute WHERE attrelid = 'dmrefresh.receipts'::regclass")
    assert command("status").returncode == 0
    assert target.run("SELECT attname FROM pg_attribute WHERE attrelid = 'dmrefresh.receipts'::regclass") == before


def test_rollback_puts_the_data_back_and_status_tells(command: Command, target: Database, dump: bytes) -> None:
    refresh(dump, target, run="first")
    target.run("UPDATE person SET name = 'mine'")
    refresh(dump, target, run="second")
    done = command("rollback")
    assert done.returncode == 0, done.stderr
    assert "staging is back at a dump, as published 20" in done.stderr
    assert "the kept data is in its place; committing" in done.stderr
    assert target.run("SELECT name FROM person") == [("mine",)]
    found = as_json(command("status", "--json"))
    assert (found["rolled_back_to"], found["kept"], found["as_published"]) == ("first", False, True)
    assert "@" in found["by"]
    assert command("status").stdout.startswith("staging was rolled back 20")


def test_rollback_without_kept_data_ends_with_15_and_says_what_to_do(
    command: Command, target: Database, dump: bytes
) -> None:
    refresh(dump, target)
    done = command("rollback")
    assert done.returncode == 15
    assert "No previous data is kept on this target" in done.stderr
    assert "hint: " in done.stderr
    assert target.run("SELECT name FROM person") == [("a",)]


@pytest.mark.parametrize("value", ["a week", "0 days", "7", "-1 day", "1000 weeks"])
def test_a_length_of_time_that_is_none_ends_with_2(command: Command, tmp_path: Path, value: str) -> None:
    file = tmp_path / "dmrefresh.toml"
    file.write_text(file.read_text() + f'keep_previous = "{value}"\n')
    done = command("status")
    assert done.returncode == 2
    assert "keep_previous" in done.stderr


def test_two_refreshes_and_one_command_back(scene: Scene) -> None:
    """The whole way: settings, the nightly dump twice, back to the first."""
    url = scene.target_url
    scene.target_url = f'{url}"\nkeep_previous = "7 days'  # one more line below the url
    assert scene.refresh().code == 0
    before = state_of(url)
    ended = scene.refresh()
    assert ended.code == 0, ended.output
    assert state_of(url) != before
    argv = [DMREFRESH, "--config", str(scene.settings())]
    status = subprocess.run(
        [*argv, "status", "--target", "local", "--json"], capture_output=True, text=True, check=True
    )
    assert json.loads(status.stdout)["kept"] is True
    back = subprocess.run([*argv, "rollback", "--target", "local"], capture_output=True, text=True, check=False)
    assert back.returncode == 0, back.stderr
    assert [row for row in state_of(url) if row[0] != "dmrefresh_previous"] == [
        row for row in before if row[0] != "dmrefresh_previous"
    ]
