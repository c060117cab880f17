"""What is stored counts once it was read back: anything else there than was sent is found, and never noted as whole."""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import psycopg
import pytest

from dmrefresh.bucket.store import Store
from dmrefresh.bucket.verified import Verified
from dmrefresh.errors import (
    BackupNotStored,
    BackupUnverified,
    Busy,
    DeadlinePassed,
    DumpDamaged,
    KeyUnusable,
    PublishedButUnfinished,
)
from dmrefresh.jobs.attempts import Patience
from dmrefresh.jobs.backup.backup_production import demand, run
from dmrefresh.jobs.dumps import check_dump
from dmrefresh.jobs.dumps.noted import note_beside
from dmrefresh.jobs.dumps.reading_back import Stored, read_back
from dmrefresh.keys.private import KeyFiles, private_keyring
from dmrefresh.machine import signals
from dmrefresh.observer import Observer
from dmrefresh.report.outcome import ending
from dmrefresh.stages.gpg import decrypt
from fixtures.parts.secrets import Credentials, keyring, make_credentials
from tests.answers import get
from tests.children import named
from tests.front import Front
from tests.jobs.backing_up import ROWS, Backup
from tests.proxy import Proxy


def key_files(credentials: Credentials) -> KeyFiles:
    folder = credentials.public_key.parent
    return KeyFiles(folder / "secret.key.enc", folder / "secret-key-passphrase.txt.enc")


class Meddling(Observer):
    """Does something once the backup is stored, before it is read back."""

    def __init__(self, meddle: Callable[[], None]) -> None:
        self.meddle = meddle
        self.warnings: list[str] = []

    def step(self, name: str) -> None:
        if name == "backup stored":
            self.meddle()

    def warn(self, message: str) -> None:
        self.warnings.append(message)


def flipped(content: bytes) -> bytes:
    at = len(content) // 2
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


@pytest.mark.fault("91a")
@pytest.mark.parametrize(
    "change",
    [flipped, lambda content: content[:-100]],
    ids=["a bit is flipped", "it is cut short"],
)
def test_an_object_that_is_not_what_was_sent_is_found_and_not_noted(
    here: Backup, change: Callable[[bytes], bytes]
) -> None:
    plan = here.plan()

    def meddle() -> None:
        here.overwrite(plan.name, change(here.content(plan.name)))

    with pytest.raises(DumpDamaged, match="was replaced since it was stored") as caught:
        run(plan, Meddling(meddle))
    assert "is not to be relied on" in caught.value.state
    assert here.objects() == [plan.name]
    # Whoever reads it back elsewhere has nothing to hold it against but what it is.
    with pytest.raises(DumpDamaged):
        check_dump.run(stored(here, plan.name), record=True)
    assert here.noted(plan.name) is None


def test_damage_on_the_way_back_is_not_told_as_damage_of_the_backup(here: Backup) -> None:
    with Front(here.store) as front:
        here.endpoint_url = front.url
        plan = here.plan()
        front.script(*(get().flip(at) for at in (20_000, 30_000, 40_000)))
        with pytest.raises(DumpDamaged) as caught:
            run(plan, patience=Patience(first_wait=0.01))
        assert "so it is the way from the bucket that damages it" in caught.value.what
        assert caught.value.state == (
            f"{plan.name} is in the bucket {here.store.bucket} and was not read back; "
            "no note beside it says that it was."
        )
        assert not front.left
    assert check_dump.run(stored(here, plan.name), record=True).recorded is not None


def test_an_object_that_is_gone_again_is_no_backup(here: Backup) -> None:
    plan = here.plan()
    client = here.store.client(here.store.admin)
    with pytest.raises(BackupNotStored, match="is gone from the bucket") as caught:
        run(plan, Meddling(lambda: client.delete_object(Bucket=here.store.bucket, Key=plan.name) and None))
    assert caught.value.state == f"Nothing is stored under {plan.name}."


def stored(here: Backup, name: str, credentials: Credentials | None = None) -> Stored:
    """An object, as `check-dump` finds it."""
    store = Store(here.store.bucket, "eu-west-1", here.store.endpoint_url)
    return Stored(store, store.named(name), key_files(credentials or here.credentials), here.plan().limits)


def test_bits_that_change_on_the_way_back_are_found_by_the_digest_of_what_was_sent(here: Backup) -> None:
    plan = here.plan(quick=True)
    done = run(plan)
    whole = stored(here, plan.name)
    assert read_back(whole, Observer()).verified.sha256 == done.sha256
    other = replace(whole, dump=replace(whole.dump, sha256="0" * 64))
    with pytest.raises(DumpDamaged, match="SHA-256"):
        read_back(other, Observer())


@pytest.mark.fault("91a")
def test_rows_that_are_missing_are_found_by_what_was_sent_and_by_what_the_dump_says_of_itself(here: Backup) -> None:
    plan = here.plan(quick=True)
    run(plan)
    with private_keyring(key_files(here.credentials)) as keyring:
        text = gzip.decompress(b"".join(decrypt([here.content(plan.name)], keyring)))
    line = text[text.index(b"\n7\tcanary ") :].split(b"\n")[1] + b"\n"
    assert text.count(line) == 1
    here.overwrite(plan.name, here.encrypt(text.replace(line, b"")))
    with pytest.raises(DumpDamaged, match=r"other rows than its backup counted: note has 1,999, not 2,000\.") as caught:
        check_dump.run(stored(here, plan.name), record=True)
    assert not caught.value.retry
    silent = text[: text.index(b"\n-- dmrefresh rows ")].replace(line, b"")
    here.overwrite(plan.name, here.encrypt(silent))
    with pytest.raises(DumpDamaged, match=r"other rows than pg_dump sent: note has 1,999, not 2,000\."):
        read_back(stored(here, plan.name), Observer(), sent={"note": ROWS})
    with pytest.raises(DumpDamaged, match=r"other rows than pg_dump sent: 1 tables are not there\."):
        read_back(stored(here, plan.name), Observer(), sent={"note": ROWS - 1, "canary": 1})
    assert here.noted(plan.name) is None


def test_a_key_that_was_rotated_after_the_backup_is_named_with_the_one_it_was_made_for(
    here: Backup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = replace(here.plan(), keys=None)
    done = run(plan)
    assert done.read_back == "no"
    with pytest.raises(BackupUnverified, match="was not read back: the private key is not on this machine"):
        demand(done)
    (tmp_path / "rotated").mkdir()
    rotated = make_credentials(tmp_path / "rotated", bits=2048)
    monkeypatch.setenv("SOPS_AGE_KEY_FILE", str(rotated.age_key_file))
    for quick in (False, True):
        with pytest.raises(
            KeyUnusable, match=r"not encrypted to this private key: it is to the key [0-9A-F]{16},"
        ) as caught:
            check_dump.run(stored(here, plan.name, rotated), quick=quick, record=not quick)
        assert rotated.fingerprint in caught.value.what
        assert "The public key that it was made with is stale" in caught.value.what
    assert here.noted(plan.name) is None


def test_an_older_backup_under_a_newer_name_is_not_noted(here: Backup) -> None:
    plan = here.plan(quick=True)
    run(plan)
    newer = here.put(here.content(plan.name))
    with pytest.raises(DumpDamaged, match=f"{newer} is another backup under a new name"):
        check_dump.run(stored(here, newer), record=True)
    assert here.noted(newer) is None


def test_a_bucket_that_falls_silent_leaves_a_backup_that_nobody_has_read_back(here: Backup) -> None:
    with Proxy(int(here.store.endpoint_url.rpartition(":")[2])) as between:
        here.endpoint_url = f"http://127.0.0.1:{between.port}"
        plan = here.plan()

        def silence() -> None:
            between.upstream = ("127.0.0.1", 1)
            between.cut()

        observer = Meddling(silence)
        done = run(plan, observer)
    assert done.read_back == "no"
    assert "S3 does not answer" in (done.why_not or "")
    assert any("will not be read back" in one for one in observer.warnings)
    assert here.objects() == [plan.name]


def test_a_note_that_cannot_be_put_is_no_lost_backup(here: Backup) -> None:
    store = Store(here.store.bucket, "eu-west-1", "http://127.0.0.1:9")
    verified = Verified("production-202611220300.sql.gz.gpg", 1, "0" * 64, None)
    with pytest.raises(PublishedButUnfinished, match="was read back and is whole, but the note") as caught:
        note_beside(store, verified, Observer())
    assert caught.value.hint == f"dmrefresh check-dump {verified.name} --record"


def test_whoever_may_not_put_the_note_is_told_which_rights_that_takes(
    here: Backup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", here.store.developers.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", here.store.developers.secret_key)
    store = Store(here.store.bucket, "eu-west-1", here.store.endpoint_url)
    verified = Verified("production-202611220300.sql.gz.gpg", 1, "0" * 64, None)
    with pytest.raises(PublishedButUnfinished) as caught:
        note_beside(store, verified, Observer())
    assert (caught.value.hint or "").startswith(f"grant s3:PutObject and s3:PutObjectAcl on {store.bucket}/*, then ")


def test_a_second_backup_of_the_same_minute_leaves_the_first_alone(here: Backup) -> None:
    plan = here.plan(quick=True)
    first = run(plan)
    with pytest.raises(Busy) as caught:
        run(plan)
    assert caught.value.exit_code == 11
    assert caught.value.state == "That one was left as it is, and this run has stored nothing."
    assert stored(here, plan.name).dump.version_id == first.version_id


def test_what_a_refresh_would_refuse_is_backed_up_and_read_back_and_said(here: Backup) -> None:
    with psycopg.connect(here.source_url) as connection:
        connection.execute("SELECT lo_from_bytea(0, 'some canary')")
    observer = Meddling(lambda: None)
    done = run(here.plan(), observer)
    assert done.read_back == "full"
    assert "SELECT LARGE OBJECT" in (done.refused or "")
    assert any("a refresh would refuse this backup, though it is whole" in one for one in observer.warnings)
    assert here.noted(done.name) is not None
    ended = here.refresh()
    assert ended.code == 17, ended.output


def test_a_session_that_is_lost_is_tried_again_from_a_clean_start(here: Backup) -> None:
    here.grow()
    ended: list[bool] = []

    class Ending(Observer):
        def note(self, message: str) -> None:
            if message.startswith("pg_dump ") and not ended:
                threading.Thread(target=end_session).start()

    def end_session() -> None:
        name = here.stage
        with psycopg.connect(here.source_url, autocommit=True) as connection:
            for _ in range(2000):
                found = connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = %s AND application_name = 'pg_dump'",
                    (name,),
                ).fetchall()
                if found:
                    ended.append(True)
                    return
                time.sleep(0.005)

    done = run(here.plan(quick=True), Ending())
    assert ended
    assert done.attempts == 2
    assert here.parts() == []
    assert done.rows == {"note": ROWS + 30_001}


def test_a_signal_that_came_while_it_was_stored_ends_the_reading_back_and_it_is_said_what_is_there(
    here: Backup,
) -> None:
    plan = here.plan()
    observer = Meddling(lambda: os.kill(os.getpid(), signal.SIGTERM))  # signals are held then
    before = {number: signal.getsignal(number) for number in (*signals._ENDING, signal.SIGALRM)}
    signals.install()
    try:
        with pytest.raises(signals.Interrupted) as caught:
            run(plan, observer)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert here.objects() == [plan.name]
    told = ending(caught.value, publishes=False)  # to the report's readers, Slack and the webhook
    assert f"{plan.name} is in the bucket" in told.state
    assert "was not read back" in told.state
    assert f"check-dump {plan.name} --record" in str(told.hint)


def test_a_backup_that_must_be_signed_is_and_one_that_is_not_is_not_noted(here: Backup) -> None:
    plan = replace(here.plan(), signed=True)
    done = run(plan)
    assert (done.signed, done.read_back) == (True, "full")
    noted = here.noted(plan.name)
    assert noted is not None
    assert noted.signed
    with private_keyring(key_files(here.credentials)) as keyring:
        (text,) = [b"".join(decrypt([here.content(plan.name)], keyring, signed=True))]
        here.overwrite(plan.name, here.encrypt(text, compress=False))
    with pytest.raises(DumpDamaged, match="sign"):
        check_dump.run(replace(stored(here, plan.name), signed=True), record=True)


def test_a_program_that_stands_still_does_not_outlast_the_deadline(here: Backup) -> None:
    here.grow(5000)
    stopped: list[psutil.Process] = []

    class Stopping(Observer):
        def note(self, message: str) -> None:
            if message.startswith("pg_dump "):
                threading.Thread(target=stop).start()

    def stop() -> None:
        for _ in range(5000):
            for child in named("pg_dump"):
                child.suspend()
                stopped.append(child)
                os.kill(os.getpid(), signal.SIGALRM)  # as the deadline itself does
                return
            time.sleep(0.002)

    plan = here.plan()
    with pytest.raises(DeadlinePassed) as caught:
        run(plan, Stopping())
    assert caught.value.state == f"Nothing is stored under {plan.name}."
    assert stopped
    assert psutil.wait_procs(stopped, timeout=10)[1] == []
    assert here.objects() == here.parts() == []


def test_a_public_key_that_expires_soon_is_told_while_there_is_time(here: Backup, tmp_path: Path) -> None:
    key = tmp_path / "expiring.key"
    with keyring() as home:
        base = ["gpg", "--homedir", str(home), "--batch", "--quiet", "--passphrase", ""]
        subprocess.run([*base, "--quick-generate-key", "Expiring", "rsa2048", "encr", "20d"], check=True)
        subprocess.run([*base, "--armor", "--output", str(key), "--export", "Expiring"], check=True)
    plan = here.plan()
    plan = replace(
        plan, keys=None, public_key=key.read_bytes(), backup=plan.backup.model_copy(update={"recipient": "Expiring"})
    )
    observer = Meddling(lambda: None)
    run(plan, observer)
    assert any("the public key expires on" in one for one in observer.warnings)
