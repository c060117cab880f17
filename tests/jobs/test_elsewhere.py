"""Only what was looked at, and confirmed, is refreshed or rolled back: never production, never another place."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
from psycopg.conninfo import conninfo_to_dict

from dmrefresh.postgres import guard
from dmrefresh.postgres.reach import connect
from fixtures.parts.postgres import Cluster
from fixtures.parts.seaweedfs import ObjectStore
from fixtures.parts.secrets import Credentials
from tests.jobs.scene import DMREFRESH
from tests.jobs.small import bodies, small_scene, tunnelled
from tests.postgres.databases import Database, dump_of
from tests.postgres.keeping import refresh

WHERE = "SELECT name FROM person"


@pytest.fixture
def target(cluster_for: Callable[[int], Cluster], tmp_path: Path) -> Database:
    """A target that holds `new` and could go back to `old`."""
    name = f"t{uuid4().hex[:12]}"
    cluster_for(16).create_role_and_database(name, name)
    made = Database(cluster_for(16), name)
    made.run("CREATE TABLE person (id integer PRIMARY KEY, name text)", "INSERT INTO person VALUES (1, 'new')")
    dump = dump_of(made, tmp_path)
    refresh(dump, made)
    made.run("UPDATE person SET name = 'old'")
    refresh(dump, made)
    return made


def rollback(folder: Path, settings: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a rollback of the target `staging`, whose settings begin with these."""
    file = folder / "dmrefresh.toml"
    file.write_text("[targets.staging]\n" + settings)
    argv = [DMREFRESH, "--config", str(file), "rollback", "--target", "staging", *arguments]
    return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


def moving(folder: Path, url: str) -> str:
    """The settings of a service that is on this machine when it is asked for first, and has another name then."""
    here = conninfo_to_dict(url)
    for name, host in (("first", "127.0.0.1"), ("then", "127.1")):
        credentials = {"uri": f"postgresql://{here['user']}@{host}:{here['port']}/{here['dbname']}"}
        services = {"postgres": [{"name": "db", "credentials": credentials}]}
        (folder / name).write_text(json.dumps({"VCAP_SERVICES": services}))
    script = folder / "asked"
    script.write_text(f'#!/bin/sh\ncd "{folder}"\ncat first\ncp then first\n')
    script.chmod(0o755)
    return f'vcap = "*"\nvcap_command = ["{script}"]\n'


def test_a_protected_target_is_not_rolled_back(target: Database, tmp_path: Path) -> None:
    with connect.session(target.url) as connection:
        guard.protect(connection)
    url = f'url = "{target.url}"\n'
    done = rollback(tmp_path, url)
    assert done.returncode == 15, done.stderr
    assert "marked as production" in done.stderr
    assert target.run(WHERE) == [("new",)]
    done = rollback(tmp_path, url + 'not_production = "a copy"\n')
    assert done.returncode == 0, done.stderr
    assert target.run(WHERE) == [("old",)]


def test_a_target_with_the_name_of_a_production_is_not_rolled_back(target: Database, tmp_path: Path) -> None:
    done = rollback(tmp_path, f'url = "{target.url}"\n[production]\ndatabases = ["{target.name}"]\n')
    assert done.returncode == 15, done.stderr
    assert target.run(WHERE) == [("new",)]


def test_a_remote_target_is_rolled_back_only_when_it_is_confirmed(target: Database, tmp_path: Path) -> None:
    settings = f'url = "{target.url}"\n{tunnelled(tmp_path)}\n'
    done = rollback(tmp_path, settings)
    assert done.returncode == 2, done.stderr
    assert "--confirm staging" in done.stderr
    assert target.run(WHERE) == [("new",)]
    done = rollback(tmp_path, settings, "--confirm", "staging")
    assert done.returncode == 0, done.stderr
    assert target.run(WHERE) == [("old",)]


def test_a_rollback_of_another_place_than_was_looked_at_is_refused(target: Database, tmp_path: Path) -> None:
    done = rollback(tmp_path, moving(tmp_path, target.url))
    assert done.returncode == 15, done.stderr
    assert "leads elsewhere" in done.stderr
    assert target.run(WHERE) == [("new",)]


def test_a_refresh_of_another_place_than_was_looked_at_is_refused(
    cluster_for: Callable[[int], Cluster], object_store: ObjectStore, credentials: Credentials, tmp_path: Path
) -> None:
    scene = small_scene(cluster_for(16), cluster_for(18), object_store, credentials, tmp_path)[0]
    file = scene.settings()
    file.write_text(file.read_text().replace(f'url = "{scene.target_url}"\n', moving(tmp_path, scene.target_url)))
    argv = [DMREFRESH, "--config", str(file), "clean-and-apply", "--target", "local"]
    done = subprocess.run(argv, env=scene.environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 15, done.stderr
    assert "leads elsewhere" in done.stderr
    assert bodies(scene) == {"old"}
