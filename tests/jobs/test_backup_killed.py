"""Whatever dies while a backup is made, and whenever: no object of its name that holds less, no part, no process."""

from __future__ import annotations

import hashlib
import random
import re
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from dmrefresh.dump.events import End
from dmrefresh.dump.reader import read_dump
from dmrefresh.errors import BackupNotStored
from dmrefresh.jobs.backup import backup_production
from dmrefresh.keys.private import KeyFiles, Keyring, private_keyring
from dmrefresh.machine import process
from dmrefresh.machine.postgres_programs import find_pg_dump
from dmrefresh.report.model import BackupReport
from dmrefresh.settings.model import Programs
from dmrefresh.stages import gzip, streamed
from dmrefresh.stages.gpg import decrypt
from fixtures.parts.secrets import Credentials
from tests.children import children
from tests.jobs.backing_up import ROWS, Backup

MORE = 8001
PG_DUMP = "--dbname=service=dmrefresh"
"""An argument by which the one that dumps is known from one that says its version."""
TIMES = 50
_PROGRAMS = ("pg_dump", "gpg", "sh", "sed", "head")


@pytest.fixture(scope="module")
def private(credentials: Credentials) -> Iterator[Keyring]:
    folder = credentials.repository / "gpg/database-backups"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOPS_AGE_KEY_FILE", str(credentials.age_key_file))
        files = KeyFiles(folder / "secret.key.enc", folder / "secret-key-passphrase.txt.enc")
        with private_keyring(files) as ring:
            yield ring


@dataclass
class Doomed:
    """A source of which one backup after the other is made in this process, each under a name of its own.

    Attributes:
        backup: the source and the bucket.
        private: opens what was stored.
        stored: what came through, which is all that may be in the bucket.
        program: the pg_dump.
    """

    backup: Backup
    private: Keyring
    program: Path
    number: int = 0
    stored: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        # Made once, since a client takes as long to make as a small backup.
        self.plan = replace(self.backup.plan(), keys=None, verify="no")
        self.admin = self.backup.store.client(self.backup.store.admin)

    def run(self) -> BackupReport:
        """One backup, which is tried once; what is in the bucket afterwards is looked at, however it ends."""
        self.number += 1
        name = f"{self.backup.stage}-20260101{self.number // 60:02d}{self.number % 60:02d}.sql.gz.gpg"
        plan = replace(self.plan, name=name, programs=Programs(pg_dump=self.program))
        try:
            done = backup_production.run(plan)
            self.stored.append(name)
            self.prove_whole(name)
            return done
        finally:
            assert self.left() == self.stored
            assert not process._living
            assert [name for _, name, arguments in children() if name in _PROGRAMS and arguments] == []

    def left(self) -> list[str]:
        """Objects of this source in the bucket, and parts of objects."""
        place, prefix = self.backup.store.bucket, f"{self.backup.stage}-"
        objects = self.admin.list_objects_v2(Bucket=place, Prefix=prefix).get("Contents", [])
        parts = self.admin.list_multipart_uploads(Bucket=place).get("Uploads", [])
        begun = [f"part of {one['Key']}" for one in parts if one["Key"].startswith(prefix)]
        return [one["Key"] for one in objects] + begun

    def failure(self) -> BackupNotStored | None:
        """How a backup fails, None where it does not."""
        failed = None
        try:
            self.run()
        except BackupNotStored as failure:
            failed = failure
        if failed is not None:
            assert failed.exit_code == 24
            assert "canary" not in f"{failed.what} {failed.hint} {failed.state}"
        return failed

    def prove_whole(self, name: str) -> None:
        """What is in the bucket has every row."""
        *_, end = read_dump(gzip.gunzip(decrypt([self.backup.content(name)], self.private)))
        assert isinstance(end, End)
        assert end.rows == ROWS + MORE

    def fake(self, script: str) -> None:
        """A pg_dump that says its version, and else does this; `real` is the program."""
        real, self.program = self.program, self.backup.folder / "pg_dump"
        self.program.write_text(f'#!/bin/sh\n[ "$1" = --version ] && exec {real} --version\nreal={real}\n{script}\n')
        self.program.chmod(0o755)


@pytest.fixture
def doomed(here: Backup, private: Keyring, monkeypatch: pytest.MonkeyPatch) -> Doomed:
    """Rows enough for every stage to be at work, the last part of which begins before it ends."""
    here.attempts = 1
    monkeypatch.setattr(streamed, "_FIRST_PART", 5 << 20)
    here.grow(MORE - 1)
    return Doomed(here, private, find_pg_dump(16).path)


class Death(threading.Thread):
    """Kills a program so many seconds after it was started, unless it has ended.

    Args:
        argument: one of its arguments, by which it is known.
        after: seconds.
    """

    def __init__(self, argument: str, after: float) -> None:
        super().__init__(daemon=True)
        self.argument, self.after = argument, after
        self.over = threading.Event()

    def __enter__(self) -> Death:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.join()

    def run(self) -> None:
        while not self.over.wait(0.001):
            for child in list(process._living):
                if self.argument in child.args:  # type: ignore[operator]
                    time.sleep(self.after)
                    child.send_signal(signal.SIGKILL)
                    return


def lifetime(doomed: Doomed, argument: str) -> float:
    """How long the program runs in a backup that comes through, in seconds; the shortest of three."""
    return min(one_lifetime(doomed, argument) for _ in range(3))


def one_lifetime(doomed: Doomed, argument: str) -> float:
    began = ended = 0.0
    over = threading.Event()

    def watch() -> None:
        nonlocal began, ended
        while not over.wait(0.001):
            if any(argument in child.args for child in list(process._living)):  # type: ignore[operator]
                began, ended = began or time.monotonic(), time.monotonic()

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        doomed.run()
    finally:
        over.set()
        watcher.join()
    return ended - began


@pytest.mark.parametrize(
    ("argument", "told"),
    [
        pytest.param(
            PG_DUMP,
            "pg_dump of .* was ended by SIGKILL",
            marks=pytest.mark.fault("86e"),
            id="pg_dump",
        ),
        pytest.param("--encrypt", "gpg was ended by signal 9", marks=pytest.mark.fault("87a"), id="gpg"),
    ],
)
def test_a_program_that_is_killed_at_any_moment_leaves_no_backup(doomed: Doomed, argument: str, told: str) -> None:
    seconds, dice, killed = lifetime(doomed, argument), random.Random(86), 0
    while killed < TIMES:
        with Death(argument, dice.uniform(0, seconds)):
            failure = doomed.failure()
        if failure is not None:  # else it came too late
            assert re.search(told, failure.what)
            assert failure.retry
            killed += 1
        assert doomed.number < 4 * TIMES
    assert doomed.stored  # and undisturbed, it comes through


@pytest.mark.fault("87b")
def test_a_compressor_that_fails_at_any_piece_leaves_no_backup(doomed: Doomed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gzip, "_PIECE", 1 << 16)
    packed, dice, pieces, lock = gzip._Piece.packed, random.Random(87), 0, threading.Lock()
    last = 10**9

    def failing(piece: Any) -> Any:
        nonlocal pieces
        with lock:
            pieces += 1
            if pieces > last:
                raise MemoryError
        return packed(piece)

    monkeypatch.setattr(gzip._Piece, "packed", failing)
    doomed.run()
    there = pieces
    assert there > 20
    for _ in range(TIMES):
        pieces, last = 0, dice.randrange(there)
        failure = doomed.failure()
        assert failure is not None
        assert failure.what == "This machine has no memory left for the backup."
    assert len(doomed.stored) == 1


@pytest.mark.fault("87c")
def test_a_run_that_is_killed_at_any_moment_leaves_no_backup_that_holds_less(doomed: Doomed) -> None:
    backup, dice, killed = doomed.backup, random.Random(88), 0
    backup.environ = {
        "DMREFRESH_KEYS_CREDENTIALS_REPO": str(backup.folder),
        "DMREFRESH_KEYS_PUBLIC_KEY": str(backup.credentials.public_key),
    }
    for _ in range(6):
        with backup._start("backup-production", "--stage", backup.stage) as child:
            while child.poll() is None and not dumping(child.pid):
                time.sleep(0.02)
            time.sleep(dice.uniform(0, 0.4))
            child.kill()
            child.communicate()
            killed += child.returncode == -signal.SIGKILL
        for name in backup.objects():
            doomed.prove_whole(name)
    assert killed
    deadline = time.monotonic() + 10
    while left := of_the_run(backup, "pg_dump", "gpg"):
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


def dumping(pid: int) -> bool:
    with suppress(psutil.NoSuchProcess):
        return any(one.name() == "pg_dump" for one in psutil.Process(pid).children())
    return False


def of_the_run(backup: Backup, *programs: str) -> list[psutil.Process]:
    """Programs that the command has started, whether or not it still runs."""
    found = []
    for one in psutil.process_iter(["name"]):
        with suppress(psutil.Error):
            if one.info["name"] in programs and one.environ().get("TMPDIR") == str(backup.folder / "tmp"):
                found.append(one)
    return found


@pytest.mark.parametrize(
    ("script", "told"),
    [
        pytest.param("exit 1", "ended with exit status 1", marks=pytest.mark.fault("86a"), id="at its start"),
        pytest.param(
            '$real "$@" | head -c 1000000; exit 1',
            "ended with exit status 1",
            marks=pytest.mark.fault("86b"),
            id="in the middle",
        ),
        pytest.param("exit 0", "is not whole", marks=pytest.mark.fault("86d"), id="well, with nothing"),
        pytest.param(
            '$real "$@" | head -c 1000000', "is not whole", marks=pytest.mark.fault("86d"), id="well, with a part"
        ),
        pytest.param(
            """$real "$@" | sed '/^-- PostgreSQL database dump complete/,$d'""",
            "is not whole",
            marks=pytest.mark.fault("86d"),
            id="well, without its marker",
        ),
    ],
)
def test_a_pg_dump_that_ends_otherwise_than_it_should_leaves_no_backup(doomed: Doomed, script: str, told: str) -> None:
    doomed.fake(script)
    failure = doomed.failure()
    assert failure is not None
    assert told in failure.what
    assert doomed.stored == []


@pytest.mark.fault("86c")
def test_a_session_of_pg_dump_that_is_ended_at_any_moment_leaves_no_backup(doomed: Doomed) -> None:
    dice, ended = random.Random(89), 0
    seconds = lifetime(doomed, PG_DUMP)
    with psycopg.connect(doomed.backup.source_url, autocommit=True) as connection:

        def end(after: float, over: threading.Event) -> None:
            found = b"FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'pg_dump'"
            while not over.is_set() and not connection.execute(b"SELECT " + found).fetchall():
                time.sleep(0.002)
            time.sleep(after)
            connection.execute(b"SELECT pg_terminate_backend(pid) " + found)

        while ended < 10:
            over = threading.Event()
            reaper = threading.Thread(target=end, args=(dice.uniform(0, seconds), over))
            reaper.start()
            failure = doomed.failure()
            over.set()
            reaper.join()
            if failure is not None:
                assert "lost its connection" in failure.what or "does not get to" in failure.what
                assert failure.retry
                ended += 1
            assert doomed.number < 40


@pytest.mark.fault("86f")
def test_what_was_killed_once_is_begun_again_and_comes_through(doomed: Doomed) -> None:
    doomed.plan = replace(doomed.plan, job=doomed.plan.job.model_copy(update={"attempts": 3}))
    with Death(PG_DUMP, 0):
        done = doomed.run()
    assert done.attempts == 2
    assert done.rows == {"note": ROWS + MORE}


@pytest.mark.fault("94")
def test_of_two_backups_of_one_name_the_first_to_be_whole_is_stored(backup: Backup) -> None:
    for _ in range(3):
        with (
            backup._start("backup-production", "--stage", backup.stage) as one,
            backup._start("backup-production", "--stage", backup.stage) as two,
        ):
            said = [child.communicate()[0] for child in (one, two)]
        if (one.returncode, two.returncode) != (0, 0):
            break  # else a minute ended between the two, and each has a name of its own
    assert sorted([one.returncode, two.returncode]) == [0, 11], said
    name, noted = backup.objects()[-2:]
    assert noted == f"{name}.verified.json"
    assert backup.parts() == []
    found = backup.noted(name)
    assert found is not None
    assert hashlib.sha256(backup.content(name)).hexdigest() == found.sha256
    assert f"There is a {name} in the bucket" in said[one.returncode == 0]
    assert list((backup.folder / "tmp").iterdir()) == []
