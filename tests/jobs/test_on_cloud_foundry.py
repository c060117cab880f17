"""A worker on a foundation makes the backup, and its application is gone afterwards; `cf` is a stand-in."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import pytest

from dmrefresh.bucket.store import Store
from dmrefresh.errors import BackupNotStored, BackupUnverified, Busy, UsageFailure
from dmrefresh.jobs.attempts import Patience
from dmrefresh.jobs.backup import cloud_foundry
from dmrefresh.jobs.backup.on_cloud_foundry import Order, order, run
from dmrefresh.jobs.backup.worker_elsewhere import have_made
from dmrefresh.keys.private import memory_backed_storage
from dmrefresh.observer import Observer
from dmrefresh.report.model import Try
from dmrefresh.settings.cloud_foundry import CloudFoundry
from dmrefresh.settings.dumps import Dumps
from dmrefresh.settings.keys import Keys
from dmrefresh.settings.model import Settings
from fixtures.parts.postgres import Cluster
from fixtures.parts.seaweedfs import ObjectStore
from fixtures.parts.secrets import USER_ID, Credentials, make_credentials
from tests.jobs.backing_up import ROWS, Backup, make_backup
from tests.jobs.foundry import Foundry
from tests.jobs.scene import Ended
from tests.jobs.working import SECRET, a_name
from tests.postgres.databases import Database
from tests.proxy import Proxy


@pytest.fixture(scope="module")
def database(cluster_for: Callable[[int], Cluster]) -> Database:
    name = f"c{uuid4().hex[:12]}"
    cluster_for(16).create_role_and_database(name, name)
    made = Database(cluster_for(16), name)
    made.run("CREATE TABLE person (id int PRIMARY KEY)", "INSERT INTO person SELECT generate_series(1, 100)")
    return made


@pytest.fixture
def foundry(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Foundry]:
    made = Foundry(tmp_path / "foundry")
    made.change(services={"db": database.url.replace("@", f":{SECRET}@")})
    monkeypatch.setenv("PATH", f"{made.programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("CF_HOME", str(made.home))
    yield made
    made.close()


@pytest.fixture
def store(object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", object_store.jobs.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", object_store.jobs.secret_key)
    return Store(object_store.bucket, endpoint_url=object_store.endpoint_url)


@pytest.fixture
def settings(store: Store, credentials: Credentials) -> Settings:
    return Settings(
        dumps=Dumps(bucket=store.bucket, endpoint_url=store.endpoint_url),
        keys=Keys(credentials_repo=credentials.repository),
        cloud_foundry=CloudFoundry(image="db-backup:1", service="db", poll=timedelta(seconds=1)),
    )


class Notes(Observer):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, message: str) -> None:
        self.lines.append(message)

    def warn(self, message: str) -> None:
        self.lines.append(f"warning: {message}")

    def text(self) -> str:
        return "\n".join(self.lines)


def ordered(settings: Settings, name: str) -> Order:
    """An order of this name: two of a minute would have the same."""
    this = order(settings)
    return dataclasses.replace(this, plan=dataclasses.replace(this.plan, name=name))


def with_foundry(settings: Settings, **changed: Any) -> Settings:
    said = settings.cloud_foundry.model_copy(update=changed)
    return settings.model_copy(update={"cloud_foundry": said})


def is_stored(store: Store, name: str) -> bool:
    return any(one.key == name for one in store.listed(name.rpartition("-")[0]))


def test_a_worker_stores_the_backup_and_is_gone(foundry: Foundry, store: Store, settings: Settings) -> None:
    name, notes = a_name("production"), Notes()
    assert have_made(ordered(settings, name), notes)
    assert is_stored(store, name)
    assert foundry.state["apps"] == {}
    (push,) = [call for call in foundry.calls if call[0] == "push"]
    assert push == [
        "push",
        "db-backup",
        "--task",
        "-m",
        "5G",
        "-k",
        "5G",
        "--docker-image",
        "db-backup:1",
        "--no-manifest",
    ]
    assert ["bind-service", "db-backup", "db", "--wait"] in foundry.calls
    assert "the worker has stored" in notes.text()


def test_a_worker_is_told_its_contract_and_no_more(
    foundry: Foundry, store: Store, settings: Settings, credentials: Credentials
) -> None:
    name = a_name("production")
    have_made(ordered(settings, name), Notes())
    told = foundry.state["told"]
    assert told["DUMP_FILE_NAME"] == name
    assert told["RECIPIENT"] == USER_ID
    assert told["PUBKEY"] == credentials.public_key.read_text()
    assert set(told) - {"PATH", "HOME", "TMPDIR", "LANG"} == {
        "DUMP_FILE_NAME",
        "S3_POST_URL_DATA",
        "RECIPIENT",
        "PUBKEY",
        "VCAP_SERVICES",
    }


def test_what_it_is_told_stands_in_no_argument_and_in_a_private_file_in_memory(
    foundry: Foundry, store: Store, settings: Settings, object_store: ObjectStore
) -> None:
    notes = Notes()
    have_made(ordered(settings, a_name("production")), notes)
    told = foundry.state["told"]
    for place in (foundry.seen(), notes.text()):
        for secret in (told["S3_POST_URL_DATA"][:60], "x-amz-signature", "PGP PUBLIC KEY", SECRET):
            assert secret not in place
        assert object_store.jobs.secret_key not in place
    assert foundry.state["files"]
    for path, of_file, of_folder in foundry.state["files"]:
        assert path.startswith(str(memory_backed_storage()))
        assert (of_file, of_folder) == (0o600, 0o700)
        assert not Path(path).exists()
        assert not Path(path).parent.exists()


def test_the_task_has_its_quotas(foundry: Foundry, store: Store, settings: Settings) -> None:
    changed = with_foundry(settings, memory="512M", disk="7G", command="cat TASK; false")
    with pytest.raises(BackupNotStored):
        have_made(ordered(changed, a_name("production")), Notes())
    asked = foundry.state["asked"]
    assert (asked["memory_in_mb"], asked["disk_in_mb"], asked["command"]) == (512, 7168, "cat TASK; false")
    (push,) = [call for call in foundry.calls if call[0] == "push"]
    assert push[3:7] == ["-m", "512M", "-k", "7G"]


def test_a_worker_that_fails_is_told_with_what_it_said_and_is_gone(
    foundry: Foundry, store: Store, settings: Settings
) -> None:
    foundry.change(services={"db": "postgresql://nobody@127.0.0.1:1/none"})
    name, notes = a_name("production"), Notes()
    with pytest.raises(BackupNotStored) as caught:
        have_made(ordered(settings, name), notes)
    assert caught.value.what == "The worker failed: APP/TASK/backup: Exited with status 21."
    assert caught.value.state == "Nothing was stored."
    assert "worker: " in notes.text()
    assert "error: " in notes.text()
    assert foundry.state["apps"] == {}
    assert not is_stored(store, name)


def test_a_worker_that_says_what_it_was_told_is_not_passed_on(
    foundry: Foundry, store: Store, settings: Settings
) -> None:
    changed = with_foundry(settings, command='echo here: "$S3_POST_URL_DATA"; echo harmless; exit 3')
    notes = Notes()
    with pytest.raises(BackupNotStored):
        have_made(ordered(changed, a_name("production")), notes)
    assert "worker: harmless" in notes.text()
    assert "x-amz-signature" not in notes.text()


def test_a_worker_that_fails_after_it_has_stored_is_told_so(foundry: Foundry, store: Store, settings: Settings) -> None:
    changed = with_foundry(settings, command="dmrefresh backup-production --worker; exit 9")
    name = a_name("production")
    with pytest.raises(BackupNotStored) as caught:
        have_made(ordered(changed, name), Notes())
    assert is_stored(store, name)
    assert f"there is an object {name} in the bucket, and nobody has read it back" in caught.value.state
    assert foundry.state["apps"] == {}


def test_an_object_of_that_name_is_not_replaced(
    foundry: Foundry, settings: Settings, object_store: ObjectStore
) -> None:
    name, client = a_name("production"), object_store.client(object_store.admin)
    client.put_object(Bucket=object_store.bucket, Key=name, Body=b"an hour of somebody's")
    with pytest.raises(Busy, match=f"There is a {name} in the bucket"):
        run(ordered(settings, name), Notes(), Patience())
    assert foundry.calls == []
    assert client.get_object(Bucket=object_store.bucket, Key=name)["Body"].read() == b"an hour of somebody's"


def test_a_key_that_a_worker_would_not_take_is_told_before_anything_is_pushed(
    foundry: Foundry, settings: Settings, credentials: Credentials, tmp_path: Path
) -> None:
    dearmoured = tmp_path / "public.gpg"
    gpg = ["gpg", "--homedir", str(tmp_path), "--batch", "--quiet", "--output", str(dearmoured), "--dearmor"]
    subprocess.run([*gpg, str(credentials.public_key)], check=True)
    keys = settings.keys.model_copy(update={"public_key": dearmoured})
    with pytest.raises(UsageFailure, match="The public key is not armoured"):
        order(settings.model_copy(update={"keys": keys}))
    assert foundry.calls == []


def test_what_a_worker_has_stored_is_not_called_nothing_where_the_bucket_falls_silent(
    foundry: Foundry, settings: Settings, store: Store
) -> None:
    with Proxy(int((store.endpoint_url or "").rpartition(":")[2])) as between:

        class Silencing(Notes):
            def note(self, message: str) -> None:
                super().note(message)
                if message.startswith("the worker has stored"):
                    between.upstream = ("127.0.0.1", 1)
                    between.cut()

        dumps = settings.dumps.model_copy(update={"endpoint_url": f"http://127.0.0.1:{between.port}"})
        name = a_name("production")
        with pytest.raises(BackupUnverified, match="cannot be looked at") as caught:
            run(ordered(settings.model_copy(update={"dumps": dumps}), name), Silencing(), Patience())
    assert is_stored(store, name)
    assert caught.value.state == f"It is in the bucket {store.bucket}; whether it can be restored is not known."


@pytest.mark.parametrize("command", ["push", "bind-service", "curl"])
def test_whatever_the_foundation_refuses_ends_the_run_and_the_application(
    foundry: Foundry, store: Store, settings: Settings, command: str
) -> None:
    foundry.change(faults={command: 99})
    name = a_name("production")
    with pytest.raises(BackupNotStored, match=f"`cf {command}") as caught:
        have_made(ordered(settings, name), Notes())
    assert "cf login" in str(caught.value.hint)
    assert foundry.calls[-1] == ["delete", "db-backup", "-f"]
    assert foundry.state["apps"] == {}
    assert not is_stored(store, name)


def test_a_foundation_that_is_silent_for_a_moment_is_asked_again(
    foundry: Foundry, store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[int] = []
    real = cloud_foundry.Application.look

    def look(self: cloud_foundry.Application, task: cloud_foundry.Task) -> cloud_foundry.Task:
        looked.append(1)
        if len(looked) <= 4:
            foundry.change(faults={"curl": 1})
        return real(self, task)

    monkeypatch.setattr(cloud_foundry.Application, "look", look)
    changed = with_foundry(settings, poll=timedelta(milliseconds=10), command="sleep 2")
    assert have_made(ordered(changed, a_name("production")), Notes())
    assert len(looked) > 4


def test_a_foundation_that_falls_silent_for_good_leaves_it_to_the_bucket_what_is_stored(
    foundry: Foundry, store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, real = a_name("production"), cloud_foundry.Application.look

    def look(self: cloud_foundry.Application, task: cloud_foundry.Task) -> cloud_foundry.Task:
        if is_stored(store, name):
            foundry.change(faults={"curl": 1})
        return real(self, task)

    monkeypatch.setattr(cloud_foundry.Application, "look", look)
    changed = with_foundry(
        settings, poll=timedelta(milliseconds=100), command="dmrefresh backup-production --worker; sleep 600"
    )
    with pytest.raises(BackupNotStored, match="`cf curl /v3/tasks/task-1` ended") as caught:
        have_made(ordered(changed, name), Notes())
    assert f"there is an object {name} in the bucket, and nobody has read it back" in caught.value.state
    assert foundry.state["apps"] == {}


def test_where_the_answer_to_the_start_is_lost_nothing_is_called_certain(
    foundry: Foundry, store: Store, settings: Settings
) -> None:
    foundry.change(faults={"answer to start": 1})
    name = a_name("production")
    with pytest.raises(BackupNotStored, match="`cf curl") as caught:
        have_made(ordered(with_foundry(settings, command="sleep 600"), name), Notes())
    assert caught.value.state.startswith(f"There is no {name} in the bucket so far;")
    assert foundry.state["apps"] == {}
    _until(lambda: not foundry.worker_runs())


def test_reading_back_what_a_worker_stored_is_begun_again_as_the_settings_say(
    foundry: Foundry, settings: Settings, store: Store, credentials: Credentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOPS_AGE_KEY_FILE", str(credentials.age_key_file))
    with Proxy(int((store.endpoint_url or "").rpartition(":")[2])) as between:

        class Silencing(Notes):
            def note(self, message: str) -> None:
                super().note(message)
                if message.startswith("it is read back now"):
                    between.upstream = ("127.0.0.1", 1)
                    between.cut()

        dumps = settings.dumps.model_copy(update={"endpoint_url": f"http://127.0.0.1:{between.port}"})
        tries: list[Try] = []
        this = ordered(settings.model_copy(update={"dumps": dumps}), a_name("production"))
        made = run(this, Silencing(), Patience(2, 0.1, None, tries))
    assert made.report.read_back == "no"
    assert [(one.doing, one.exit_code) for one in tries] == [("store", 0), ("read back", 20), ("read back", 20)]


def test_a_worker_that_takes_too_long_is_ended(foundry: Foundry, store: Store, settings: Settings) -> None:
    changed, name = with_foundry(settings, timeout=timedelta(seconds=2), command="sleep 600"), a_name("production")
    with pytest.raises(BackupNotStored, match="did not end within 2 seconds") as caught:
        have_made(ordered(changed, name), Notes())
    assert caught.value.state.startswith(f"There is no {name} in the bucket so far;")
    assert foundry.state["apps"] == {}
    _until(lambda: not foundry.worker_runs())


def _until(holds: Callable[[], bool]) -> None:
    for _ in range(600):
        if holds():
            return
        time.sleep(0.1)
    raise AssertionError("it did not come to hold")


def test_what_a_killed_run_left_is_deleted_first(foundry: Foundry, store: Store, settings: Settings) -> None:
    foundry.change(apps={"db-backup": {"guid": "guid-of-db-backup", "variables": {"OLD": "1"}, "services": []}})
    name, notes = a_name("production"), Notes()
    assert have_made(ordered(settings, name), notes)
    assert "as a run that was killed leaves it" in notes.text()
    assert "OLD" not in foundry.state["told"]
    assert is_stored(store, name)


def left_running(foundry: Foundry, began: str) -> None:
    task = {"guid": "task-0", "state": "RUNNING", "created_at": began}
    foundry.change(apps={"db-backup": {"guid": "guid-of-db-backup", "variables": {}, "services": [], "task": task}})


def test_a_backup_that_is_under_way_is_left_alone(foundry: Foundry, store: Store, settings: Settings) -> None:
    left_running(foundry, time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 60)))
    with pytest.raises(Busy, match="Another backup is under way since") as caught:
        have_made(ordered(settings, a_name("production")), Notes())
    assert caught.value.exit_code == 11
    assert "db-backup" in foundry.state["apps"]


def test_where_the_foundation_does_not_say_whether_a_backup_is_under_way_nothing_is_touched(
    foundry: Foundry, settings: Settings
) -> None:
    left_running(foundry, time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 60)))
    foundry.change(faults={"app": 99})
    with pytest.raises(BackupNotStored, match="does not say whether there is a db-backup"):
        have_made(ordered(settings, a_name("production")), Notes())
    assert {call[0] for call in foundry.calls} == {"app"}
    assert "db-backup" in foundry.state["apps"]


def test_one_that_should_have_ended_long_ago_is_not(foundry: Foundry, store: Store, settings: Settings) -> None:
    left_running(foundry, "2026-01-01T00:00:00Z")
    name = a_name("production")
    assert have_made(ordered(settings, name), Notes())
    assert is_stored(store, name)


def test_a_delete_that_fails_is_tried_again_and_told_if_it_stays_so(
    foundry: Foundry, store: Store, settings: Settings
) -> None:
    foundry.change(faults={"delete": 1})
    assert have_made(ordered(settings, a_name("production")), Notes())
    assert foundry.state["apps"] == {}
    foundry.change(faults={"delete": 99})
    notes = Notes()
    assert not have_made(ordered(settings, a_name("production")), notes)
    assert "db-backup is still there: cf delete db-backup -f" in notes.text()


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"image": "x", "path": "."},
        {"image": "x", "manifest": "m.yml"},
    ],
    ids=str,
)
def test_what_is_to_be_pushed_must_be_said(settings: Settings, said: dict[str, Any], foundry: Foundry) -> None:
    changed = settings.model_copy(update={"cloud_foundry": CloudFoundry(**said)})
    with pytest.raises(UsageFailure, match="what to push"):
        order(changed)
    assert foundry.calls == []


@pytest.mark.parametrize(
    "said", [{"image": "-x"}, {"service": "--help"}, {"app": "-f"}, {"memory": "5 GB"}, {"disk": "-1G"}], ids=str
)
def test_nothing_in_the_settings_can_be_an_option_of_cf(said: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        CloudFoundry(**said)


def test_a_cf_that_writes_all_it_sends_into_a_file_is_refused(foundry: Foundry, settings: Settings) -> None:
    (foundry.home / ".cf").mkdir()
    config = foundry.home / ".cf" / "config.json"
    config.write_text('{"Trace": "/var/log/cf-trace"}')
    with pytest.raises(UsageFailure, match="into a file"):
        order(settings)
    for harmless in ("", "true", "false"):
        config.write_text(f'{{"Trace": "{harmless}"}}')
        order(settings)


def test_a_machine_without_cf_is_told_what_to_install(
    settings: Settings, store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageFailure, match="no `cf` on PATH"):
        have_made(ordered(settings, a_name("production")), Notes())


def test_the_folder_and_its_manifest_are_pushed(foundry: Foundry, store: Store, settings: Settings) -> None:
    manifest = foundry.home / "manifest.yml"
    manifest.write_text("applications: []\n")
    changed = with_foundry(settings, image=None, path=foundry.home, manifest=manifest)
    assert have_made(ordered(changed, a_name("production")), Notes())
    (push,) = [call for call in foundry.calls if call[0] == "push"]
    assert push[7:] == ["-p", str(foundry.home), "-f", str(manifest)]


@pytest.fixture
def backup(
    foundry: Foundry,
    cluster_for: Callable[[int], Cluster],
    object_store: ObjectStore,
    credentials: Credentials,
    tmp_path: Path,
) -> Backup:
    """The whole command, with a database that the foundation alone can reach: the settings name no source of it."""
    made = make_backup(cluster_for(16), cluster_for(18), object_store, credentials, tmp_path)
    foundry.change(services={"db": made.source_url})
    made.source_url = "postgresql://nobody@127.0.0.1:1/none"
    made.source_more = '[cloud_foundry]\nimage = "db-backup:1"\nservice = "db"\npoll = "1 second"'
    return made


def back_up(backup: Backup, *arguments: str) -> Ended:
    return backup.back_up("--on", "cloud-foundry", *arguments)


def test_what_the_worker_stored_is_read_back_here_and_noted(backup: Backup, foundry: Foundry) -> None:
    done = back_up(backup)
    assert done.code == 0, done.output
    assert done.report["read_back"] == "full"
    assert done.report["rows"] == {"note": ROWS}
    noted = backup.noted(done.report["name"])
    assert noted is not None
    assert noted.rows == {"note": ROWS}
    assert foundry.state["apps"] == {}
    assert "pg_dump 16 reads" not in done.output, "it was made here"


def test_a_stale_public_key_is_found_out_before_anything_is_pushed(
    backup: Backup, foundry: Foundry, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = make_credentials(tmp_path / "other", bits=2048)
    backup.environ = {"DMREFRESH_KEYS_PUBLIC_KEY": str(other.public_key)}
    done = back_up(backup)
    assert done.code == 12, done.output
    assert foundry.calls == []


def test_one_that_cannot_be_read_back_here_is_no_success(backup: Backup, foundry: Foundry) -> None:
    backup.environ = {"SOPS_AGE_KEY_FILE": ""}
    done = back_up(backup)
    assert done.code == 31, done.output
    assert foundry.state["apps"] == {}
    assert len(backup.objects()) == 1


def test_a_worker_that_lies_has_made_no_backup(backup: Backup, foundry: Foundry) -> None:
    backup.source_more += '\ncommand = "true"'
    done = back_up(backup)
    assert done.code == 24, done.output
    assert "The worker ended well, and there is no " in done.output
    assert [(one["doing"], one["exit_code"]) for one in done.report["tries"]] == [("store", 24)]
    assert backup.objects() == []


def test_an_application_that_stays_there_is_told_by_the_exit_code(backup: Backup, foundry: Foundry) -> None:
    foundry.change(faults={"delete": 99})
    done = back_up(backup)
    assert done.code == 30, done.output
    assert "hint: cf delete db-backup -f" in done.output
    assert backup.noted(done.report["name"]) is not None


@contextlib.contextmanager
def begun(backup: Backup) -> Iterator[subprocess.Popen[str]]:
    with backup._start("backup-production", "--stage", backup.stage, "--on", "cloud-foundry") as child:
        try:
            yield child
        finally:
            child.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("during", ["push", "task"])
def test_a_signal_ends_the_worker_and_its_application(
    backup: Backup, foundry: Foundry, during: str, number: int
) -> None:
    backup.source_more += '\ncommand = "sleep 600"'
    if during == "push":
        foundry.change(faults={"staging seconds": 600})
    with begun(backup) as child:
        _until(lambda: foundry.state["apps"] != {} if during == "push" else foundry.worker_runs())
        child.send_signal(number)
        done = backup.ended(child)
    assert done.code == 128 + number, done.output
    assert foundry.state["apps"] == {}
    _until(lambda: not foundry.worker_runs())
    assert backup.objects() == []


def test_after_a_kill_the_next_run_clears_up_and_succeeds(backup: Backup, foundry: Foundry) -> None:
    foundry.change(faults={"staging seconds": 600})
    with begun(backup) as child:
        _until(lambda: foundry.state["apps"] != {})
        child.kill()
        assert backup.ended(child).code == -signal.SIGKILL
    for process in psutil.process_iter(["cmdline"]):
        if str(foundry.programs) in " ".join(process.info["cmdline"] or ()):
            process.kill()  # cf itself would go on; nobody waits for it
    foundry.change(faults={})
    done = back_up(backup)
    assert done.code == 0, done.output
    assert "as a run that was killed leaves it" in done.output
    assert foundry.state["apps"] == {}
