"""backup-production as a person or Jenkins runs it: what is stored, what is said, and with which code it ends."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from dmrefresh import __version__
from fixtures.parts.postgres import Cluster
from fixtures.parts.secrets import make_credentials
from tests.children import named
from tests.jobs.backing_up import ROWS, Backup
from tests.jobs.scene import Ended
from tests.jobs.small import bodies
from tests.jobs.test_faults import left_behind


def succeeded(backup: Backup, *arguments: str) -> Ended:
    ended = backup.back_up(*arguments)
    assert ended.code == 0, ended.output
    assert left_behind(backup) == []
    assert backup.parts() == []
    assert "canary" not in ended.output
    return ended


def failed(backup: Backup, code: int, *arguments: str) -> str:
    """Run a backup that must end with this code and store nothing; returns what it printed."""
    ended = backup.back_up(*arguments)
    assert ended.code == code, ended.output
    assert backup.objects() == backup.parts() == []
    assert left_behind(backup) == []
    assert "Traceback" not in ended.output
    assert "canary" not in ended.output
    return ended.output


def test_a_backup_is_stored_read_back_and_noted_and_can_be_refreshed_from(backup: Backup) -> None:
    ended = succeeded(backup)
    name = ended.report["name"]
    assert backup.objects() == [name, f"{name}.verified.json"]
    noted = backup.noted(name)
    assert noted is not None
    assert (noted.name, noted.rows, noted.tool) == (name, {"note": ROWS}, __version__)
    assert (noted.size, noted.sha256) == (ended.report["size"], ended.report["sha256"])
    assert noted.size == len(backup.content(name))
    assert noted.version_id == ended.report["version_id"] is not None
    assert ended.report["rows"] == {"note": ROWS}
    assert ended.report["read_back"] == "full"
    assert ended.report["noted"] == f"{name}.verified.json"
    assert ended.report["encrypted_to"] == backup.credentials.fingerprint
    assert {"pg_dump", "read", "gzip", "gpg", "upload", "read back"} <= ended.report["stages"].keys()
    assert f"{name} is stored in the bucket {backup.store.bucket}" in ended.output
    assert "every table has the rows that were sent" in ended.output
    assert not backup.may_delete(name)
    refreshed = backup.refresh()
    assert refreshed.code == 0, refreshed.output
    assert refreshed.report["dump"]["name"] == name
    assert bodies(backup) == {"canary"}
    checked = backup.check_dump(name)
    assert checked.code == 0, checked.output
    assert "every table has as many rows as its backup counted" in checked.output
    assert checked.report["contents"]["said"] == {"note": ROWS}


def test_a_quick_look_opens_what_is_stored_and_leaves_no_note(backup: Backup) -> None:
    ended = succeeded(backup, "--quick")
    assert backup.objects() == [ended.report["name"]]
    assert (ended.report["read_back"], ended.report["noted"]) == ("quick", None)
    assert "the private key opens it; nobody has read it to its end" in ended.output
    recorded = backup.check_dump(ended.report["name"], "--record")
    assert recorded.code == 0, recorded.output
    noted = backup.noted(ended.report["name"])
    assert noted is not None
    assert (noted.rows, noted.sha256) == ({"note": ROWS}, ended.report["sha256"])


@pytest.mark.fault("92")
@pytest.mark.parametrize("absent", ["repository", "sops"])
def test_where_the_private_key_is_not_the_backup_is_stored_and_that_is_no_success_unless_asked_for(
    backup: Backup, absent: str
) -> None:
    if absent == "sops":
        backup.environ = {"SOPS_AGE_KEY_FILE": "/nowhere"}
        why = "sops cannot decrypt secret.key.enc"
    else:
        backup.environ = {
            "DMREFRESH_KEYS_CREDENTIALS_REPO": str(backup.folder),
            "DMREFRESH_KEYS_PUBLIC_KEY": str(backup.credentials.public_key),
        }
        why = "the private key is not on this machine"
    ended = backup.back_up()
    assert ended.code == 31, ended.output
    assert f"warning: the backup will not be read back: {why}" in ended.output
    assert "read back now" not in ended.output
    assert "whether it can be restored is not known" in ended.output
    name = ended.report["name"]
    assert f"dmrefresh check-dump {name} --record" in ended.output
    assert backup.objects() == [name]
    assert left_behind(backup) == []
    assert ended.report["read_back"] == "no"
    backup.environ = {}
    checked = backup.check_dump(name, "--record")
    assert checked.code == 0, checked.output
    assert f"noted in the bucket: {name}.verified.json" in checked.output
    assert backup.noted(name) is not None


def test_a_backup_that_nobody_reads_back_is_a_success_where_that_is_asked_for(backup: Backup) -> None:
    backup.environ = {"DMREFRESH_BACKUP_VERIFY": "no"}
    ended = succeeded(backup, "--accept-unverified")
    assert backup.objects() == [ended.report["name"]]
    assert "it was not read back" in ended.output


def test_another_key_than_the_private_ones_is_told_before_anything_is_dumped(backup: Backup, tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    old = make_credentials(tmp_path / "old", bits=2048)
    backup.environ = {"DMREFRESH_KEYS_PUBLIC_KEY": str(old.public_key)}
    said = failed(backup, 12)
    assert f"The public key is stale: it is {old.fingerprint}" in said
    assert f"is {backup.credentials.fingerprint}" in said
    assert "hint: put the public key of that private key where backups take it from" in said
    assert f"Nothing is stored under {backup.stage}-" in said
    assert "pg_dump" not in said


def test_what_is_wrong_before_it_begins_has_codes_of_its_own(backup: Backup, tmp_path: Path) -> None:
    ended = backup.back_up("--stage", "elsewhere")
    assert ended.code == 2
    assert "add [sources.elsewhere]" in ended.output
    backup.environ = {"DMREFRESH_BACKUP_RECIPIENT": "somebody else"}
    assert "No public key is of `somebody else`" in failed(backup, 12)
    backup.environ = {"DMREFRESH_KEYS_PUBLIC_KEY": str(tmp_path / "none")}
    assert "cannot be read from" in failed(backup, 12)
    backup.environ = {}
    backup.source_more = '[programs]\npg_dump = "/bin/true"'
    assert "A pg_dump of PostgreSQL 16 or newer is needed" in failed(backup, 2)
    backup.source_more = ""
    with psycopg.connect(backup.source_url, autocommit=True) as connection:
        connection.execute("ALTER TABLE note ENABLE ROW LEVEL SECURITY")
        connection.execute("ALTER TABLE note FORCE ROW LEVEL SECURITY")
        assert "may not read all rows of note" in failed(backup, 16)
    backup.source_url = f"postgresql://{backup.stage}@127.0.0.1:1/{backup.stage}"
    said = failed(backup, 21)
    assert f"The source {backup.stage} on 127.0.0.1:1 does not answer" in said
    assert f"Nothing is stored under {backup.stage}-" in said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_in_the_middle_stores_nothing_and_leaves_nothing(backup: Backup, number: signal.Signals) -> None:
    backup.grow()
    with backup._start("backup-production", "--stage", backup.stage) as child:
        wait_for(child.pid, "pg_dump")
        child.send_signal(number)
        ended = backup.ended(child)
    assert ended.code == 128 + number, ended.output
    assert backup.objects() == backup.parts() == []
    assert left_behind(backup) == []
    with psycopg.connect(backup.source_url) as connection:
        others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        assert connection.execute(others).fetchone() == (0,)


def wait_for(pid: int, program: str) -> psutil.Process:
    """The program, once the run has started it."""
    for _ in range(3000):
        for child in named(program, pid=pid, recursive=True):
            return child
        time.sleep(0.01)
    raise AssertionError(f"{program} was not started")


def test_no_argument_and_no_environment_of_anything_that_runs_holds_a_secret(
    backup: Backup, cluster_for: Callable[[int], Cluster]
) -> None:
    secret = "horse battery"
    cluster = cluster_for(16)
    rules = cluster.data_directory / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text(f"host all {backup.stage} 127.0.0.1/32 scram-sha-256\n{before}")
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        connection.execute(f"ALTER ROLE {backup.stage} PASSWORD '{secret}'".encode())
        connection.execute("SELECT pg_reload_conf()")
    backup.source_url = make_conninfo(backup.source_url, password=secret)
    arguments: set[str] = set()
    inherited: dict[str, set[str]] = {}
    over = threading.Event()

    def watch(pid: int) -> None:
        while not over.wait(0.002):
            with suppress(psutil.Error):
                for child in [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]:
                    with suppress(psutil.Error):
                        arguments.update(child.cmdline())
                        inherited.setdefault(child.name(), set()).update(child.environ().values())

    try:
        with backup._start("backup-production", "--stage", backup.stage) as child:
            watcher = threading.Thread(target=watch, args=(child.pid,))
            watcher.start()
            ended = backup.ended(child)
            over.set()
            watcher.join()
    finally:
        rules.write_text(before)
    assert ended.code == 0, ended.output
    secrets = (secret, "horse", backup.credentials.passphrase)
    assert not [word for word in secrets for one in arguments if word in one]
    for program in ("pg_dump", "gpg"):
        assert inherited[program]
        assert not [
            one for one in inherited[program] for word in (*secrets, backup.store.jobs.secret_key) if word in one
        ]
