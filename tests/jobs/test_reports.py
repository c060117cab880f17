"""The report that each run leaves: where it is, what it says, what it never shows, and how it is found again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from jsonschema import Draft202012Validator

from dmrefresh.report import runs
from dmrefresh.report.documents import SCHEMA
from fixtures.parts.postgres import Cluster
from fixtures.parts.seaweedfs import ObjectStore
from fixtures.parts.secrets import Credentials
from tests.jobs.backing_up import Backup
from tests.jobs.scene import DMREFRESH, Ended, Scene
from tests.jobs.small import small_scene
from tests.telling.webhook import webhook

FILES = {runs.DATA, runs.PAGE, runs.STYLE}


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where runs of this test leave their folders."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "dmrefresh" / "runs"


@pytest.fixture
def small(
    cluster_for: Callable[[int], Cluster],
    object_store: ObjectStore,
    credentials: Credentials,
    tmp_path: Path,
    state: Path,
) -> Scene:
    return small_scene(cluster_for(16), cluster_for(18), object_store, credentials, tmp_path)[0]


def asked(scene: Scene, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """What a command says that only looks."""
    return subprocess.run(
        [DMREFRESH, "--config", str(scene.settings()), *arguments],
        env=scene.environment() | variables,
        cwd=scene.folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def everything(folder: Path) -> str:
    return "".join(file.read_text() for file in folder.iterdir())


def fits(folder: Path) -> dict[str, Any]:
    """What a folder's report.json says; it fits the schema that is published."""
    document = json.loads((folder / runs.DATA).read_text())
    Draft202012Validator(json.loads(SCHEMA.read_text())).validate(document)
    return dict(document)


def test_a_refresh_leaves_a_private_folder_with_the_name_its_receipt_has(small: Scene, state: Path) -> None:
    ended = small.refresh()
    assert ended.code == 0, ended.output
    (folder,) = state.iterdir()
    assert (state.stat().st_mode & 0o777, folder.stat().st_mode & 0o777) == (0o700, 0o700)
    assert {file.name for file in folder.iterdir()} == FILES
    document = fits(folder)
    assert document == ended.report
    assert (document["job"], document["target"], document["status"]) == ("clean-and-apply", "local", "succeeded")
    assert (
        document["run"]
        == folder.name
        == json.loads(asked(small, "status", "--target", "local", "--json").stdout)["run"]
    )
    assert {"fetch", "verify", "sanitise", "publish", "commit"} <= {
        one["name"] for one in document["timeline"]["stages"]
    }
    assert all(0 <= one["began"] <= one["ended"] for one in document["timeline"]["stages"])
    assert [one for one in document["warnings"] if "was ever read back" in one]  # what was said is kept
    assert str(folder / runs.PAGE) in ended.output
    assert "local is refreshed" in (folder / runs.PAGE).read_text()
    assert "canary" not in everything(folder)


def test_a_target_that_was_given_by_its_url_is_in_nothing_that_others_read(small: Scene, state: Path) -> None:
    small.more = f'[report]\ns3 = "{small.store.bucket}/reports/{small.stage}"'
    summary = small.folder / "summary.md"
    ended = asked(
        small, "clean-and-apply", "--target", small.target_url, "--json", "--report", str(small.folder / "r.json"),
        GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(summary),
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    (folder,) = state.iterdir()
    stored = s3(small, f"reports/{small.stage}/{folder.name}/")
    read = [content.decode() for _, content in stored.values()]
    for text in (*read, everything(folder), (small.folder / "r.json").read_text(), summary.read_text(), ended.stdout):
        assert small.target_url not in text
        assert "://" not in text.replace(f"{small.store.endpoint_url}", "")
    assert fits(folder)["target"] == "a database given by its URL"
    assert "a database given by its URL is refreshed" in summary.read_text()
    assert "dmrefresh status --target TARGET" in summary.read_text()


def test_a_run_that_fails_leaves_one_too_and_says_where(small: Scene, state: Path) -> None:
    Path(small.ruleset).write_text(Path(small.ruleset).read_text().replace("      body: keep (as it is)\n", ""))
    ended = small.refresh()
    assert ended.code == 14, ended.output
    (folder,) = state.iterdir()
    document = fits(folder)
    assert document == ended.report
    assert (document["exit_code"], document["target"], document["run"]) == (14, "local", folder.name)
    assert "verify" in {one["name"] for one in document["timeline"]["stages"]}  # how far it came
    assert f"the report of this run: {folder / runs.PAGE}" in ended.output
    page = (folder / runs.PAGE).read_text()
    assert "local was not refreshed" in page
    assert "nothing was published" in page


def test_a_run_that_a_signal_ends_leaves_one_and_its_exit_code(small: Scene, state: Path) -> None:
    small.more = 'before = [["sleep", "60"]]'
    with small.start() as child:
        assert child.stdout is not None
        for line in child.stdout:
            if "before: sleep" in line:
                child.send_signal(signal.SIGTERM)
                break
        ended = small.ended(child)
    assert ended.code == 128 + signal.SIGTERM
    (folder,) = state.iterdir()
    assert fits(folder)["exit_code"] == ended.code
    assert "SIGTERM" in (folder / runs.PAGE).read_text()


def test_a_backup_leaves_one(backup: Backup, state: Path) -> None:
    ended = backup.back_up()
    assert ended.code == 0, ended.output
    (folder,) = state.iterdir()
    document = fits(folder)
    assert document == ended.report
    assert (document["job"], document["stage"]) == ("backup-production", backup.stage)
    assert {"pg_dump", "gzip", "gpg", "upload", "read back"} <= {one["name"] for one in document["timeline"]["stages"]}
    page = (folder / runs.PAGE).read_text()
    assert document["sha256"] in page
    assert "to its end" in page
    assert "canary" not in everything(folder)


BROKEN = """
import {module} as job

def broken(*given, **named):
    raise KeyError("canary")

job.{function} = broken
"""
"""What Python runs first: a fault in what comes after a run is done."""


def after_a_fault(scene: Scene, ended: Ended, heard: list[Any]) -> None:
    """Neither the terminal nor the report nor the webhook says that nothing was done."""
    assert ended.code == 30, ended.output
    (folder,) = (scene.folder / "state" / "dmrefresh" / "runs").iterdir()
    said = [ended.output, everything(folder), json.dumps(heard[-1])]
    for text in said:
        assert "(KeyError)" in text
        assert "nothing was published" not in text
        assert "Nothing was changed" not in text
        assert "canary" not in text
    assert fits(folder)["exit_code"] == ended.report["exit_code"] == heard[-1]["exit_code"] == 30


def test_a_fault_after_the_commit_says_that_the_target_is_refreshed(
    small: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = BROKEN.format(module="dmrefresh.jobs.refresh.clean_and_apply", function="finish")
    (tmp_path / "sitecustomize.py").write_text(broken)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with webhook() as there:
        small.more = f'[notify]\nwebhook_url = "{there.url}"'
        ended = small.refresh()
    assert "The target is refreshed." in ended.output
    after_a_fault(small, ended, there.received)


def test_a_fault_after_a_backup_says_that_it_is_stored(
    backup: Backup, state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = BROKEN.format(module="dmrefresh.jobs.backup.backup_production", function="demand")
    (tmp_path / "sitecustomize.py").write_text(broken)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with webhook() as there:
        backup.source_more = f'[notify]\nwebhook_url = "{there.url}"'
        ended = backup.back_up()
    assert f"is stored in the bucket {backup.store.bucket}." in ended.output
    after_a_fault(backup, ended, there.received)


def test_a_folder_that_is_asked_for_is_taken_and_one_that_cannot_be_is_refused_at_once(
    small: Scene, state: Path, tmp_path: Path
) -> None:
    wanted = tmp_path / "workspace" / "report"
    ended = small.refresh("--run-dir", str(wanted))
    assert ended.code == 0, ended.output
    assert {file.name for file in wanted.iterdir()} == FILES
    assert not state.exists()
    (tmp_path / "file").write_text("")
    ended = small.refresh("--run-dir", str(tmp_path / "file" / "report"))
    assert ended.code == 2
    assert "The report cannot be written to the folder" in ended.output
    assert "hint: give another one with --run-dir" in ended.output


def test_no_run_fails_for_want_of_a_place_for_its_report(small: Scene, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    small.more = f'[report]\nruns = "{tmp_path / "file" / "runs"}"'
    ended = small.refresh()
    assert ended.code == 0, ended.output
    assert "warning: the report cannot be written to the folder" in ended.output
    assert ended.report["status"] == "succeeded"


NOBODY = """
import os, pwd

def unknown(number):
    raise KeyError(number)

pwd.getpwuid = unknown
for name in ("HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
    os.environ.pop(name, None)
"""
"""What Python runs first: for a user whom nobody knows, without a home, as containers have them."""


def test_whom_nobody_knows_can_refresh_and_list_all_the_same(
    small: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(NOBODY)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    ended = small.refresh()
    assert ended.code == 0, ended.output
    assert ended.output.count("no report is kept, since this user has no home") == 1
    assert ended.report["status"] == "succeeded"
    listed = asked(small, "dumps")
    assert listed.returncode == 0, listed.stderr
    assert "No run has left a report yet" in asked(small, "report", "--list").stdout


def test_whom_nobody_knows_is_told_that_no_copies_are_kept_and_can_refresh_all_the_same(
    small: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(NOBODY)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("DMREFRESH_DUMPS_CACHE", "true")
    ended = small.refresh()
    assert ended.code == 0, ended.output
    assert "warning: no copies on this machine are used: This user has no home" in ended.output
    assert not (tmp_path / "~").exists()
    listed = asked(small, "cache")
    assert listed.returncode == 2, listed.stdout
    assert "This user has no home" in listed.stderr


def test_only_the_newest_runs_stay_and_nothing_else_is_touched(small: Scene, tmp_path: Path) -> None:
    place = tmp_path / "runs"
    old = [place / f"2026010{day}T000000Z-0123456{day}" for day in range(1, 5)]
    for folder in old:
        folder.mkdir(parents=True)
        (folder / runs.DATA).write_text("{}")
    (place / "notes").mkdir()
    small.more = '[report]\nruns = "runs"\nkeep = 3'
    ended = small.refresh("--dump", "absent.sql.gz.gpg")
    assert ended.code == 10, ended.output
    left = sorted(one.name for one in place.iterdir())
    assert left[:2] == [old[2].name, old[3].name]
    assert left[-1] == "notes"
    assert len(left) == 4


def s3(scene: Scene, name: str) -> dict[str, tuple[str, bytes]]:
    """The objects below a name in the bucket: their types and contents."""
    client = scene.store.client(scene.store.admin)
    found = client.list_objects_v2(Bucket=scene.store.bucket, Prefix=name).get("Contents", [])
    objects = {one["Key"]: client.get_object(Bucket=scene.store.bucket, Key=one["Key"]) for one in found}
    return {key: (one["ContentType"], one["Body"].read()) for key, one in objects.items()}


def test_a_report_goes_to_a_bucket_where_the_settings_say_so_also_of_a_failure(small: Scene, state: Path) -> None:
    small.more = f'[report]\ns3 = "{small.store.bucket}/reports/{small.stage}"'
    for code, arguments in ((0, ()), (10, ("--dump", "absent.sql.gz.gpg"))):
        ended = small.refresh(*arguments)
        assert ended.code == code, ended.output
        folder = max(state.iterdir())
        stored = s3(small, f"reports/{small.stage}/{folder.name}/")
        assert {key.rpartition("/")[2] for key in stored} == FILES
        for key, (kind, content) in stored.items():
            assert content == (folder / key.rpartition("/")[2]).read_bytes()
            assert kind.startswith(
                {"html": "text/html", "json": "application/json", "css": "text/css"}[key.rpartition(".")[2]]
            )


def test_a_bucket_that_takes_no_report_is_told_and_what_was_done_is_done(small: Scene, state: Path) -> None:
    small.more = '[report]\ns3 = "no-such-bucket-of-ours/reports"'
    ended = small.refresh()
    assert ended.code == 30, ended.output
    assert "The report cannot be kept in its bucket." in ended.output
    assert "The target is refreshed." in ended.output
    assert "local is refreshed" in ended.output
    assert ended.report["exit_code"] == 30  # it says how the run has ended
    ended = small.refresh("--dump", "absent.sql.gz.gpg")
    assert ended.code == 10, ended.output
    assert "warning: the report cannot be kept in its bucket" in ended.output
    for more in ("", '\nregion = "x y"'):
        small.more = f'[report]\ns3 = "digitalmarketplace-cleaned-absent"{more}'
        assert "hint: look at `s3` under [report] in dmrefresh.toml" in small.refresh().output


def test_past_runs_are_listed_found_compared_and_opened(small: Scene, state: Path) -> None:
    assert "No run has left a report yet" in asked(small, "report", "--list").stdout
    nothing = asked(small, "report")
    assert nothing.returncode == 2
    assert "hint: dmrefresh clean-and-apply leaves one" in nothing.stderr
    for arguments in ((), ("--dump", "absent.sql.gz.gpg"), ()):
        small.refresh(*arguments)
    first, failed, last = (folder.name for folder in sorted(state.iterdir()))
    listed = asked(small, "report", "--list").stdout
    assert [line.split()[0] for line in listed.splitlines()] == ["run", last, failed, first]
    assert "failed (10)" in listed
    said = asked(small, "report")
    assert said.stdout.splitlines()[1] == str(state / last / runs.PAGE)
    for wanted in (first, first[:20], str(state / first), str(state / first / runs.DATA)):
        assert asked(small, "report", wanted).stdout.splitlines()[1] == str(state / first / runs.PAGE), wanted
    assert json.loads(asked(small, "report", failed, "--json").stdout)["exit_code"] == 10
    compared = Path(asked(small, "report", "--compare", "previous").stdout.splitlines()[1])
    assert compared == state / last / f"compared-with-{first}.html"  # the failed one between them is none
    assert f"compared with the run <code>{first}</code>" in compared.read_text()
    opened = small.folder / "opened"
    script = small.folder / "browser"
    script.write_text(f'#!/bin/sh\necho "$1" > "{opened}"\n')
    script.chmod(0o755)
    assert asked(small, "report", failed, "--open", BROWSER=f"{script} %s").returncode == 0
    assert opened.read_text().strip() == (state / failed / runs.PAGE).as_uri()
    alone = asked(small, "report", "--open", BROWSER=str(small.folder / "absent"), PATH="", DISPLAY="")
    assert alone.returncode == 2
    assert "No browser can be opened here" in alone.stderr


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "{}", '{"status": 1, "version": 1}', '{"version": 2, "status": "x"}', "[" * 100_000, '"\\ud800"'],
    ids=range(8),
)
def test_what_is_no_report_is_said_in_a_sentence(tmp_path: Path, content: str) -> None:
    (tmp_path / "report.json").write_text(content)
    (tmp_path / "dmrefresh.toml").write_text("")
    for arguments in ((), ("--json",), ("--compare", str(tmp_path))):
        done = subprocess.run(
            [DMREFRESH, "report", str(tmp_path), *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 2, done.stderr
        assert "hint: " in done.stderr
        assert "fault of" not in done.stderr


CANARY = "canary"
_PERSON = (
    "CREATE TABLE person (id bigint PRIMARY KEY, town text NOT NULL, name text, email text, note text, code text, "
    "phone bigint, born date, pay numeric, kept text, tags text[], data jsonb)"
)
_ROWS = """
INSERT INTO person SELECT
    770077000 + n, 'canary-' || n, 'canary ' || n || ' canary', 'canary' || n || '@canary.org',
    'write to canary' || n || '@canary.org', 'canary' || n, 880088000 + n, '1977-07-07', 990099000 + n, NULL,
    ARRAY['canary ' || n],
    jsonb_build_object(
        'who', 'canary ' || n, 'note', 'ask canary' || n || '@canary.org', 'when', '1977-07-07', 'pay', 990099000 + n,
        'canary', 'canary', 'more', jsonb_build_object('canary', 'canary')
    )
FROM generate_series(1, 50) n
"""
_RULES = """
ruleset: 1
leak_check: off (nothing here is to be compared)
tables:
  person:
    columns:
      id, town, kept: keep (what templates are made of)
      name: {function: ours.same}
      email: {template: "{town}-{id}@example.org"}
      note: text.redact
      code: {pattern: "[A-Z]{4}"}
      phone: number.noise
      born: date.shift
      pay: number.noise
      tags: {each: {function: ours.same}}
      data:
        json:
          who: person.name
          note: text.redact
          when: date.shift
          pay: number.noise
          more: {"*": text.words}
"""


def test_nothing_that_was_there_is_shown_of_any_rule(
    cluster_for: Callable[[int], Cluster], small: Scene, state: Path
) -> None:
    """Not even where what a rule writes holds it: then the target does, since its rules say so, and no report."""
    name = small.stage
    production = cluster_for(16)
    with psycopg.connect(production.url(name, name)) as connection:
        connection.execute("DROP TABLE note")
        connection.execute(_PERSON)
        connection.execute(_ROWS.encode())
    argv = [str(production.bin("pg_dump")), production.url(name, name)]
    small.put(small.encrypt(subprocess.run(argv, capture_output=True, check=True).stdout))
    Path(small.ruleset).write_text(_RULES)
    (Path(small.ruleset).parent / "ours.py").write_text("def same(value, chance):\n    return value\n")
    ended = small.refresh()
    assert ended.code == 0, ended.output
    with psycopg.connect(small.target_url) as connection:
        assert connection.execute("SELECT count(*) FROM person WHERE email LIKE 'canary-%770077%'").fetchone() == (50,)
    (table,) = ended.report["tables"]
    changed = {"name", "email", "note", "code", "phone", "born", "pay", "data.who", "data.note", "data.more.*"}
    assert changed <= table["replaced"].keys()
    assert table["samples"]["email"] == ["{town}-{id}@example.org"]
    assert {"code", "email", "data.who", "data.more.*"} == {place for place, fakes in table["samples"].items() if fakes}
    (folder,) = state.iterdir()
    for text in (everything(folder), ended.output):
        for original in (CANARY, "770077", "880088", "990099", "1977"):
            assert original not in text, original


def test_nobody_else_may_read_what_a_run_leaves(small: Scene, state: Path) -> None:
    before = os.umask(0)
    try:
        ended = small.refresh()
    finally:
        os.umask(before)
    assert ended.code == 0, ended.output
    assert [one.stat().st_mode & 0o077 for one in (state, *state.iterdir())] == [0, 0]
