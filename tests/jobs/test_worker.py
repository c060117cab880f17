"""A worker makes and stores a backup of which its environment says all, or says why it could not."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import stamina

from dmrefresh.dump.events import End, TableData
from dmrefresh.dump.reader import read_dump
from dmrefresh.errors import BackupNotStored, UsageFailure
from dmrefresh.jobs.backup import worker as job
from dmrefresh.keys.private import KeyFiles, private_keyring
from dmrefresh.observer import Observer
from dmrefresh.settings.model import Settings
from dmrefresh.stages.gpg import decrypt
from fixtures.parts.postgres import Cluster
from fixtures.parts.seaweedfs import ObjectStore
from fixtures.parts.secrets import USER_ID, Credentials
from tests.jobs.scene import DMREFRESH
from tests.jobs.working import SECRET, Worker, a_name
from tests.postgres.databases import Database
from tests.proxy import Proxy

ROWS = {"public.person": 3000, "public.note": 5}


@pytest.fixture(scope="module")
def database(cluster_for: Callable[[int], Cluster]) -> Database:
    """A database of which some 3 MB of ciphertext come, whose owner has a password."""
    name = f"w{uuid4().hex[:12]}"
    cluster_for(16).create_role_and_database(name, name)
    made = Database(cluster_for(16), name)
    made.run(
        "CREATE TABLE person (id int PRIMARY KEY, more text)",
        "INSERT INTO person SELECT i, (SELECT string_agg(md5(i || '/' || j), '') FROM generate_series(1, 60) j) "
        "FROM generate_series(1, 3000) i",
        "CREATE TABLE note (id int PRIMARY KEY)",
        "INSERT INTO note SELECT generate_series(1, 5)",
    )
    return made


@pytest.fixture
def worker(database: Database, object_store: ObjectStore, credentials: Credentials, tmp_path: Path) -> Worker:
    parts = urlsplit(database.url)
    url = f"postgresql://{database.name}:{SECRET}@{parts.hostname}:{parts.port}/{database.name}"
    return Worker(tmp_path, object_store, credentials, url, a_name("production"))


@pytest.fixture
def proxy(object_store: ObjectStore) -> Iterator[Proxy]:
    with Proxy(urlsplit(object_store.endpoint_url).port or 0) as running:
        yield running


def text_of(ciphertext: bytes, credentials: Credentials) -> bytes:
    """What the private key makes of it."""
    folder = credentials.repository / "gpg" / "database-backups"
    files = KeyFiles(folder / "secret.key.enc", folder / "secret-key-passphrase.txt.enc")
    os.environ["SOPS_AGE_KEY_FILE"] = str(credentials.age_key_file)
    try:
        with private_keyring(files) as keyring:
            return gzip.decompress(b"".join(decrypt([ciphertext], keyring)))
    finally:
        del os.environ["SOPS_AGE_KEY_FILE"]


def rows_of(text: bytes) -> dict[str, int]:
    found: dict[str, int] = {}
    *events, end = read_dump([text])
    assert isinstance(end, End)
    for event in events:
        if isinstance(event, TableData):
            found[str(event.table)] = found.get(str(event.table), 0) + event.count
    return {name if "." in name else f"public.{name}": count for name, count in found.items()}


def test_a_backup_is_stored_whole_under_its_name_with_its_digest(worker: Worker) -> None:
    done = worker.run()
    assert done.code == 0, done.output
    (ciphertext,) = worker.stored()
    digest = hashlib.sha256(ciphertext).hexdigest()
    assert (done.said["name"], done.said["size"], done.said["sha256"]) == (worker.name, len(ciphertext), digest)
    head = worker.store.client(worker.store.admin).head_object(Bucket=worker.store.bucket, Key=worker.name)
    assert head["Metadata"] == {"sha256": digest}
    assert rows_of(text_of(ciphertext, worker.credentials)) == ROWS
    assert sum(done.said["rows"].values()) == sum(ROWS.values())


def test_the_database_may_be_a_bound_service(worker: Worker) -> None:
    bound = {"name": "db", "tags": ["postgres"], "credentials": {"uri": worker.database_url}}
    worker.more = {"DATABASE_URL": None, "VCAP_SERVICES": json.dumps({"postgres": [bound]})}
    done = worker.run()
    assert done.code == 0, done.output
    assert len(worker.stored()) == 1


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"DUMP_FILE_NAME": None}, "DUMP_FILE_NAME"),
        ({"DUMP_FILE_NAME": "../production-202601010000.sql.gz.gpg"}, "DUMP_FILE_NAME"),
        ({"S3_POST_URL_DATA": ""}, "S3_POST_URL_DATA"),
        ({"S3_POST_URL_DATA": '{"url": "x"}'}, "S3_POST_URL_DATA"),
        ({"PUBKEY": None}, "PUBKEY"),
        ({"PUBKEY": "no such key"}, "PUBKEY"),
        ({"DATABASE_URL": None}, "DATABASE_URL"),
        ({"DATABASE_URL": f"postgresql://me:{SECRET}@@/x"}, "DATABASE_URL"),
    ],
    ids=str,
)
def test_what_is_wrong_in_the_environment_names_the_variable(
    worker: Worker, changed: dict[str, str | None], named: str
) -> None:
    worker.more = changed
    with pytest.raises(UsageFailure) as caught:
        job.contract(USER_ID, worker.environment())
    said = f"{caught.value.what} {caught.value.hint}"
    assert named in said
    for secret in (SECRET, "no such key", "../production"):
        assert secret not in said


def test_a_database_that_is_not_where_it_is_said_to_be_ends_the_run_with_a_sentence(worker: Worker) -> None:
    worker.more = {"DATABASE_URL": None, "VCAP_SERVICES": "{"}
    done = worker.run()
    assert done.code == 2, done.output
    assert "VCAP_SERVICES" in done.output
    assert worker.stored() == []


def test_a_form_for_another_name_is_refused_before_anything_is_begun(worker: Worker) -> None:
    form = worker.sign()
    worker.name = a_name("production")
    done = worker.run(form)
    assert (done.code, done.said) == (2, {})
    assert "signed for another name" in done.output
    assert "pg_dump" not in done.output


def test_a_key_of_somebody_else_is_refused(worker: Worker) -> None:
    worker.more = {"RECIPIENT": "Somebody else"}
    done = worker.run()
    assert done.code == 12
    assert worker.stored() == []


def _on_a_small_disk(folder: Path) -> list[str]:
    """How to run the worker with a disk of one megabyte for its files; empty where none can be mounted."""
    ours = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    words = ["unshare", *ours, "--mount"]
    with contextlib.suppress(OSError):
        if subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0:
            script = (
                f"mount -t tmpfs -o size=1m none {folder} && {DMREFRESH} backup-production --worker; code=$?; "
                f"echo left: $(find {folder} -type f | wc -l); exit $code"
            )
            return [*words, "sh", "-c", script]
    return []


def spying(folder: Path, *names: str) -> Path:
    """A folder of programs that note the environment and the arguments they are started with, and do their work."""
    programs = folder / "programs"
    programs.mkdir()
    for name in names:
        real = shutil.which(name)
        script = programs / name
        script.write_text(
            f"#!/bin/sh\ntr '\\0' '\\n' < /proc/$$/environ >> {folder}/seen\n"
            f"tr '\\0' '\\n' < /proc/$$/cmdline >> {folder}/seen\necho {name}-was-run >> {folder}/seen\n"
            f'exec {real} "$@"\n'
        )
        script.chmod(0o755)
    return programs


def test_no_child_is_told_what_the_worker_is_told(worker: Worker, database: Database, tmp_path: Path) -> None:
    real = database.cluster.bin("pg_dump")
    programs = spying(tmp_path, "gpg")
    script = programs / "pg_dump"
    script.write_text(
        (programs / "gpg").read_text().replace(str(shutil.which("gpg")), str(real)).replace("gpg-", "pg_dump-")
    )
    script.chmod(0o755)
    worker.more = {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    form = worker.sign()
    done = worker.run(form)
    assert done.code == 0, done.output
    seen = (tmp_path / "seen").read_text()
    assert "gpg-was-run" in seen
    assert "pg_dump-was-run" in seen
    for secret in (SECRET, "S3_POST_URL_DATA", "DATABASE_URL", "PUBKEY", form["fields"]["policy"]):
        assert secret not in seen


@pytest.mark.fault("110")
def test_an_expired_form_is_refused_before_the_dump_begins(worker: Worker) -> None:
    form = worker.sign(seconds=1)
    time.sleep(1.5)
    done = worker.run(form)
    assert done.code == 24
    assert "expired" in done.output
    assert "before the backup was begun" in done.output
    assert "dmrefresh presign --expires" in done.output
    assert "Nothing was stored." in done.output
    assert "pg_dump" not in done.output


@pytest.mark.fault("110")
def test_a_form_that_expires_during_the_dump_ends_it(worker: Worker, database: Database, tmp_path: Path) -> None:
    """pg_dump does not begin before it is told to, which is after the form has expired."""
    programs, go = tmp_path / "programs", tmp_path / "go"
    programs.mkdir()
    (programs / "pg_dump").write_text(
        f'#!/bin/sh\n[ "$1" = --version ] || while ! [ -e {go} ]; do sleep 0.05; done\n'
        f'exec {database.cluster.bin("pg_dump")} "$@"\n'
    )
    (programs / "pg_dump").chmod(0o755)
    worker.more = {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    form = worker.sign(seconds=6)
    expires = datetime.now(UTC) + timedelta(seconds=6)
    with worker.start(form) as child:
        assert child.stderr is not None
        output = ""
        for line in child.stderr:
            output += line
            if "reads " in line and "as it is now" in line:
                break
        assert datetime.now(UTC) < expires, f"this machine is too slow for this test: {output}"
        time.sleep(max((expires - datetime.now(UTC)).total_seconds(), 0) + 0.5)
        go.touch()
        output += child.communicate()[1]
    assert child.returncode == 24, output
    assert "before the backup was whole" in output
    assert "Nothing was stored." in output
    assert worker.stored() == []


class Notes(Observer):
    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, message: str) -> None:
        self.warnings.append(message)


def failing(worker: Worker, form: dict[str, Any]) -> BackupNotStored:
    """What a worker fails with, without the pauses between its attempts."""
    told = job.contract(USER_ID, worker.environment(form))
    with stamina.set_testing(True, attempts=10, cap=True), pytest.raises(BackupNotStored) as caught:
        job.run(told, Settings(), Notes())
    return caught.value


def forewarned(worker: Worker, database: int, *, seconds: int = 600, largest: int = 5 << 30) -> list[str]:
    told = job.contract("", worker.environment(worker.sign(seconds=seconds, largest=largest)))
    notes = Notes()
    job._foretell(database, told.form, notes)
    return notes.warnings


@pytest.mark.fault("110")
@pytest.mark.fault("90")
def test_what_is_likely_to_be_in_the_way_is_told_before_the_dump_begins(worker: Worker) -> None:
    assert forewarned(worker, 100_000_000) == []
    (tight,) = forewarned(worker, 100_000_000, seconds=3)
    assert "is valid for" in tight
    large = forewarned(worker, 60 << 30, seconds=86400)
    assert any("5,368,709,120 are the most that this presigned POST takes" in one for one in large)


@pytest.mark.fault("90")
def test_a_backup_that_is_too_large_is_ended_while_it_is_made(worker: Worker) -> None:
    done = worker.run(worker.sign(largest=1_000_000))
    assert done.code == 24
    assert "more than the 1,000,000 bytes that the presigned POST takes" in done.output
    assert "credentials of its own" in done.output
    assert "Nothing was stored." in done.output
    assert worker.stored() == []


@pytest.mark.fault("90")
def test_a_backup_of_just_the_permitted_size_is_stored(worker: Worker) -> None:
    size = worker.run().said["size"]
    worker.name = a_name("production")
    done = worker.run(worker.sign(largest=size + 2000))  # the note names the time, and compresses as it may
    assert done.code == 0, done.output


@pytest.mark.fault("89a")
def test_what_s3_refuses_is_told_and_not_tried_again(worker: Worker) -> None:
    form = worker.sign()
    form["fields"]["x-amz-signature"] = "0" * 64
    done = worker.run(form)
    assert done.code == 24
    assert "SignatureDoesNotMatch" in done.output
    assert "attempt" not in done.output
    assert worker.stored() == []


def at(proxy: Proxy, form: dict[str, Any]) -> dict[str, Any]:
    return {**form, "url": f"http://127.0.0.1:{proxy.port}{urlsplit(form['url']).path}"}


@pytest.mark.fault("89c")
def test_a_connection_cut_before_all_is_sent_is_tried_again(worker: Worker, proxy: Proxy) -> None:
    proxy.question = lambda number, offset, block: None if number == 0 and offset > 100_000 else block
    done = worker.run(at(proxy, worker.sign()))
    assert done.code == 0, done.output
    assert "attempt 1 of 4" in done.output
    assert len(worker.stored()) == 1


@pytest.mark.fault("89c")
def test_a_lost_answer_is_tried_again_with_the_same_content(worker: Worker, proxy: Proxy) -> None:
    proxy.answer = lambda number, offset, block: None if number == 0 else block
    done = worker.run(at(proxy, worker.sign()))
    assert done.code == 0, done.output
    first, second = worker.stored()
    assert first == second
    assert hashlib.sha256(first).hexdigest() == done.said["sha256"]


@pytest.mark.fault("89c")
def test_an_answer_that_never_comes_is_told_as_an_unknown_outcome(worker: Worker, proxy: Proxy) -> None:
    proxy.answer = lambda number, offset, block: None
    failure = failing(worker, at(proxy, worker.sign()))
    assert failure.state == "Nobody knows whether it is stored: it is there whole, or not at all."
    assert len(worker.stored()) == 4
    assert len(set(worker.stored())) == 1


@pytest.mark.fault("89c")
def test_an_unknown_outcome_stays_one_though_the_last_answer_is_a_refusal(worker: Worker, proxy: Proxy) -> None:
    refusal = b"<Error><Code>AccessDenied</Code><Message>Invalid according to Policy: Policy expired</Message></Error>"
    said = b"HTTP/1.1 403 Forbidden\r\nContent-Length: %d\r\n\r\n%s" % (len(refusal), refusal)
    proxy.answer = lambda number, offset, block: None if number == 0 else said
    done = worker.run(at(proxy, worker.sign()))
    assert done.code == 24
    assert "Policy expired" in done.output
    assert "Nobody knows whether it is stored" in done.output


@pytest.mark.fault("89d")
def test_an_error_under_the_status_of_a_success_is_tried_again(worker: Worker, proxy: Proxy) -> None:
    body = b"<Error><Code>InternalError</Code></Error>"
    said = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    proxy.answer = lambda number, offset, block: said if number == 0 else block
    done = worker.run(at(proxy, worker.sign()))
    assert done.code == 0, done.output
    assert "InternalError" in done.output
    assert len(set(worker.stored())) == 1


@pytest.mark.fault("89b")
def test_errors_of_the_server_are_waited_for_a_bounded_number_of_times(worker: Worker, proxy: Proxy) -> None:
    body = b"<Error><Code>SlowDown</Code></Error>"
    said = b"HTTP/1.1 503 Slow Down\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    asked: set[int] = set()

    def refuse(number: int, offset: int, block: bytes) -> bytes:
        asked.add(number)
        return said if offset == 0 else b""

    proxy.answer = refuse
    failure = failing(worker, at(proxy, worker.sign()))
    assert asked == {0, 1, 2, 3}
    assert "SlowDown" in failure.what
    assert failure.state == "Nothing was stored."


@pytest.mark.fault("88a")
def test_a_full_disk_under_the_spool_is_told_and_leaves_nothing(worker: Worker, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    command = _on_a_small_disk(small)
    if not command:
        pytest.skip("to mount a small disk takes root, or user namespaces that this machine does not give")
    form = worker.sign()
    environment = worker.environment(form) | {"TMPDIR": str(small)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 24, done.stderr
    assert f"The dump cannot be kept in {small}: No space left on device." in done.stderr
    assert "Nothing was stored." in done.stderr
    assert "TMPDIR" in done.stderr
    assert "left: 0" in done.stdout
    assert worker.stored() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.fault("88a")
def test_a_worker_that_is_ended_leaves_no_file_and_no_object(worker: Worker, proxy: Proxy, number: int) -> None:
    began: list[int] = []

    def stall(connection: int, offset: int, block: bytes) -> bytes | None:
        if offset > 500_000:
            if not began:
                began.append(number)
                os.kill(child.pid, number)
            time.sleep(0.5)
            return None
        return block

    proxy.question = stall
    with worker.start(at(proxy, worker.sign())) as child:
        _, output = child.communicate()
    assert child.returncode in (128 + number, -number), output
    assert began
    assert list((worker.folder / "tmp").iterdir()) == []
    assert worker.stored() == []
