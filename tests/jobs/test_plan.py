"""plan: the verdict first, every refusal, and nothing changed."""

from __future__ import annotations

import json
import subprocess
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from tests.jobs.scene import DMREFRESH, Production, Scene, make_target, state_of


def plan(scene: Scene, *arguments: str, command: str = "plan") -> subprocess.CompletedProcess[str]:
    argv = [DMREFRESH, "--config", str(scene.settings()), command, "--target", "local", *arguments]
    return subprocess.run(
        argv,
        env=scene.environment(),
        cwd=scene.folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def asked(scene: Scene, *arguments: str) -> dict[str, Any]:
    done = plan(scene, "--json", *arguments)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


@pytest.fixture
def target(production: Production, scene: Scene) -> str:
    """A target of this test's own, behind the scene."""
    scene.target_url = make_target(production.cluster, f"plan{uuid4().hex[:8]}")
    return scene.target_url


def test_a_clear_plan_says_so_first_in_few_lines_and_changes_nothing(scene: Scene, target: str) -> None:
    before = state_of(target)
    for command in ("plan", "clean-and-apply"):
        done = plan(scene, *(["--dry-run"] if command == "clean-and-apply" else ["--exit-code"]), command=command)
        assert done.returncode == 0, done.stderr
        lines = done.stdout.splitlines()
        assert lines[0] == "local: clear to go by `schema`"
        assert len(lines) <= 25
        assert "check-dump" in lines[-1]
    assert state_of(target) == before


def test_the_json_is_one_object_with_what_it_costs(scene: Scene, target: str) -> None:
    found = asked(scene)
    assert (found["version"], found["blocked"], found["strategy"], found["refusals"]) == (1, False, "schema", [])
    assert found["bytes"] > 0
    assert 0 < found["locks"] < found["locks_room"]
    assert found["tables"] > 5
    assert found["left_out"]["DROP"] > 0


def test_every_refusal_is_gathered_and_the_exit_code_tells(scene: Scene, target: str) -> None:
    with psycopg.connect(target, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA other")
        connection.execute("CREATE VIEW other.v AS SELECT id FROM public.users")
        connection.execute("CREATE SCHEMA dmrefresh_previous")
    scene.ruleset = str(scene.folder / "empty.yaml")
    (scene.folder / "empty.yaml").write_text("ruleset: 1\ntables: {}\n")
    before = state_of(target)
    done = plan(scene, "--exit-code")
    assert done.returncode == 3
    assert done.stdout.startswith("local: blocked: 3 refusal(s)")
    codes = [(refusal["exit_code"], refusal["strategy"]) for refusal in asked(scene)["refusals"]]
    assert sorted(codes, key=str) == sorted([(14, None), (15, "schema"), (15, "schema")], key=str)
    assert plan(scene).returncode == 0
    assert state_of(target) == before


def test_what_only_the_target_has_is_named(scene: Scene, target: str) -> None:
    with psycopg.connect(target, autocommit=True) as connection:
        connection.execute("CREATE TABLE mine (id integer)")
    assert asked(scene)["goes"] == ["public.mine"]


def test_what_other_schemas_hold_goes_along_by_database_and_the_plan_says_that_writes_wait(
    production: Production, scene: Scene, target: str
) -> None:
    """The whole way with the real pg_dump: `schema` would leave the view behind, so `auto` takes `database`."""
    scene.more = 'strategy = "auto"'
    with psycopg.connect(target, autocommit=True) as connection:
        role = sql.Identifier(connection.info.user)
        connection.execute("CREATE SCHEMA other")
        connection.execute("CREATE VIEW other.v AS SELECT id FROM public.users")
        connection.execute("CREATE TABLE other.t AS SELECT 4711 AS id")
        with psycopg.connect(production.cluster.url(), autocommit=True) as administrator:
            administrator.execute(sql.SQL("ALTER ROLE {} CREATEDB").format(role))
    found = asked(scene)
    assert (found["blocked"], found["strategy"], found["carried"]) == (False, "database", ["other"])
    assert "other go(es) along: writes there wait" in plan(scene).stdout
    done = scene.refresh()
    assert done.code == 0, done.output
    with psycopg.connect(target) as connection:
        assert connection.execute("SELECT id FROM other.t").fetchall() == [(4711,)]
        assert connection.execute(
            "SELECT (SELECT count(*) FROM other.v) = (SELECT count(*) FROM public.users)"
        ).fetchone() == (True,)


def test_a_dry_run_takes_no_confirmation_and_no_report(scene: Scene, target: str) -> None:
    for more in (["--confirm", "local"], ["--report", "x.json"]):
        done = plan(scene, "--dry-run", *more, command="clean-and-apply")
        assert done.returncode == 2
        assert "--dry-run" in done.stderr


def test_a_server_that_cannot_compress_as_the_settings_say_is_refused_by_the_plan(scene: Scene, target: str) -> None:
    with psycopg.connect(target) as connection:
        (known,) = connection.execute(
            "SELECT enumvals FROM pg_settings WHERE name = 'default_toast_compression'"
        ).fetchone() or (None,)
    scene.target_url = f'{target}"\ntoast_compression = "lz4'  # one more line below the url
    refusals = [(refusal["exit_code"], refusal["strategy"]) for refusal in asked(scene)["refusals"]]
    assert refusals == ([] if "lz4" in (known or ()) else [(15, None)])
