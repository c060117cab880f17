"""The ciphertext of a backup: what it holds, to whom it is, and that a failure anywhere ends it."""

from __future__ import annotations

import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from dmrefresh.dump.counts import Counts
from dmrefresh.dump.events import End, Head, TableData
from dmrefresh.dump.note import note_of, rows_of
from dmrefresh.dump.reader import read_dump
from dmrefresh.errors import BackupNotStored, KeyUnusable, RightsMissing
from dmrefresh.jobs.backup.producing import database_size, produced
from dmrefresh.keys.private import KeyFiles, private_keyring
from dmrefresh.observer import Observer
from dmrefresh.settings.model import Programs
from dmrefresh.settings.targets import Source
from dmrefresh.stages.gpg import decrypt
from dmrefresh.stages.gzip import gunzip
from dmrefresh.stopwatch import Stopwatch
from fixtures import torture
from fixtures.parts.postgres import Cluster, installed_majors
from fixtures.parts.processes import run_as
from fixtures.parts.secrets import Credentials
from tests.children import children, named

KEY = re.compile(rb"(?m)^\\(?:un)?restrict \w+$")
"""What pg_dump writes differently each time."""
NAME = "production-202611220300.sql.gz.gpg"
SCHEMA = """
CREATE TABLE users (id int PRIMARY KEY, email text UNIQUE, body text);
INSERT INTO users SELECT n, n || '@example.org', repeat(md5(n::text), 100) FROM generate_series(1, 3000) n;
CREATE SCHEMA other; CREATE TABLE other.empty (id int); ANALYZE;
"""


class Sourced:
    """A database to back up, and what a backup of it needs."""

    def __init__(self, cluster: Cluster, credentials: Credentials) -> None:
        self.cluster, self.credentials = cluster, credentials
        self.name = f"s{uuid4().hex[:12]}"
        cluster.create_role_and_database(self.name, self.name)
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(SCHEMA)
        self.counts, self.stopwatch = Counts(), Stopwatch()

    @property
    def url(self) -> str:
        return self.cluster.url(self.name, self.name)

    @contextmanager
    def produced(self, **changed: Any) -> Iterator[Iterator[bytes]]:
        """The ciphertext of a backup of it."""
        arguments: dict[str, Any] = {
            "source": Source(url=self.url),
            "stage": "production",
            "name": NAME,
            "armoured_key": self.credentials.public_key.read_bytes(),
            "recipient": self.credentials.recipient,
            "counts": self.counts,
            "observer": Observer(),
            "stopwatch": self.stopwatch,
            "programs": Programs(),
            "level": 2,
            "threads": 2,
        }
        with produced(**{**arguments, **changed}) as blocks:
            yield blocks

    def make(self, *, url: str = "", meanwhile: Callable[[], None] = lambda: None) -> bytes:
        """The whole of it; `meanwhile` is called once the first block is there."""
        with self.produced(**({"source": Source(url=url)} if url else {})) as blocks:
            first = next(blocks)
            meanwhile()
            return first + b"".join(blocks)

    def grow(self) -> None:
        """Enough rows, which nothing can make smaller, for every stage to be at work for a while."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("""
                INSERT INTO users
                SELECT n, n || 'x', (SELECT string_agg(md5(n::text || m), '') FROM generate_series(1, 50) m)
                FROM generate_series(5000, 40000) n""")


def opened(ciphertext: bytes, credentials: Credentials) -> bytes:
    folder = credentials.public_key.parent
    files = KeyFiles(folder / "secret.key.enc", folder / "secret-key-passphrase.txt.enc")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOPS_AGE_KEY_FILE", str(credentials.age_key_file))
        with private_keyring(files) as keyring:
            return b"".join(gunzip(decrypt([ciphertext], keyring)))


def running() -> list[str]:
    """Programs of ours that are still there."""
    return [name for _, name, _ in children(recursive=True) if name in ("pg_dump", "gpg")]


@pytest.fixture(params=installed_majors())
def source(request: pytest.FixtureRequest, cluster_for: Callable[[int], Cluster], credentials: Credentials) -> Sourced:
    return Sourced(cluster_for(request.param), credentials)


@pytest.fixture
def one(cluster_for: Callable[[int], Cluster], credentials: Credentials) -> Sourced:
    """A source on one version, for what does not depend on it."""
    return Sourced(cluster_for(16), credentials)


def test_a_backup_holds_the_dump_with_a_note_before_it_and_its_rows_behind(source: Sourced) -> None:
    text = opened(source.make(), source.credentials)
    head, *events, end = read_dump([text])
    assert isinstance(head, Head)
    assert isinstance(end, End)
    note = note_of(head)
    assert note is not None
    assert note.unique == {"users": ("email", "id")}
    assert (note.name, note.database, note.server_version) == (NAME, source.name, head.server_version)
    assert note.system_identifier > 0
    assert rows_of(end) == source.counts.tables == {"users": 3000, "other.empty": 0}
    assert sum(event.count for event in events if isinstance(event, TableData)) == 3000
    assert source.counts.bytes < len(text)
    assert source.counts.refused is None
    assert {"pg_dump", "read", "gzip", "gpg"} <= source.stopwatch.seconds.keys()
    assert b"DROP TABLE IF EXISTS public.users" in text
    assert b"OWNER TO" not in text
    assert running() == []
    assert database_size(Source(url=source.url), "production") > 1_000_000


def test_psql_never_notices_what_was_added(one: Sourced) -> None:
    text = opened(one.make(), one.credentials)
    copy = Sourced(one.cluster, one.credentials)
    argv = [str(one.cluster.bin("psql")), "-X", "-v", "ON_ERROR_STOP=1", "-d", copy.url]
    done = subprocess.run([*argv, "--quiet"], input=text, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == b""
    with psycopg.connect(copy.url) as connection:
        assert connection.execute("SELECT count(*) FROM users").fetchone() == (3000,)


def test_everybody_goes_on_writing_and_the_backup_is_of_one_moment(one: Sourced) -> None:
    stop, written = threading.Event(), threading.Event()

    def write() -> None:
        with psycopg.connect(one.url, autocommit=True) as connection:
            number = 1_000_000
            while not stop.is_set():
                number += 1
                # Both tables in one transaction, the one that is dumped last first.
                with connection.transaction():
                    connection.execute("INSERT INTO users VALUES (%s, %s)", (number, f"{number}@example.org"))
                    connection.execute("INSERT INTO other.empty VALUES (%s)", (number,))
                written.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert written.wait(10)
        for _ in range(3):
            one.make()
            assert one.counts.tables["users"] - 3000 == one.counts.tables["other.empty"] > 0
    finally:
        stop.set()
        writer.join()


def test_the_dump_is_of_the_moment_of_its_note(one: Sourced) -> None:
    with one.produced() as blocks:
        with psycopg.connect(one.url, autocommit=True) as connection:
            connection.execute("INSERT INTO users SELECT n, n || 'x' FROM generate_series(5000, 5009) n")
            connection.execute("CREATE TABLE later (id int)")
        for _ in blocks:
            pass
    assert one.counts.tables == {"users": 3000, "other.empty": 0}


def test_whatever_a_database_holds_its_dump_is_passed_on_byte_by_byte(
    cluster_for: Callable[[int], Cluster], credentials: Credentials
) -> None:
    made = Sourced(cluster_for(18), credentials)
    torture.load(made.cluster, made.name)
    url = made.cluster.url(made.name)
    text = opened(made.make(url=url), credentials)
    argv = [str(made.cluster.bin("pg_dump")), "--no-owner", "--no-acl", "--clean", "--if-exists", url]
    expected = subprocess.run(argv, capture_output=True, check=True).stdout
    _, _, plain = text.split(b"\n", 2)
    assert KEY.sub(b"", plain[: plain.rindex(b"\n-- dmrefresh rows ")]) == KEY.sub(b"", expected)
    assert len(made.counts.tables) > 20
    assert sum(made.counts.tables.values()) > 3000


@pytest.mark.parametrize("victim", ["pg_dump", "gpg"])
def test_a_program_that_is_killed_ends_the_backup_and_leaves_nothing_running(one: Sourced, victim: str) -> None:
    one.grow()

    def kill() -> None:
        killed, deadline = 0, time.monotonic() + 20
        while not killed:  # gpg writes whom it is for before pg_dump has begun
            assert time.monotonic() < deadline
            for child in named(victim):
                child.kill()
                killed += 1

    with pytest.raises(BackupNotStored) as caught:
        one.make(meanwhile=kill)
    assert caught.value.retry
    assert victim in caught.value.what
    assert running() == []


def test_whoever_stops_early_leaves_nothing_running_and_no_session(one: Sourced) -> None:
    one.grow()
    before = set(Path("/proc/self/fd").iterdir())
    with psycopg.connect(one.url, autocommit=True) as connection:
        with one.produced() as blocks:
            next(blocks)
        assert running() == []
        others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        for _ in range(100):
            if connection.execute(others).fetchone() == (0,):
                break
            time.sleep(0.05)  # the server notices a moment later that it is closed
        else:
            raise AssertionError("a session is left")
    assert set(Path("/proc/self/fd").iterdir()) <= before


def test_a_backup_that_begins_again_counts_from_nothing(one: Sourced) -> None:
    for _ in range(2):
        one.make()
        assert one.counts.tables["users"] == 3000


@pytest.mark.parametrize("whose", ["DATABASE", "ROLE"])
@pytest.mark.parametrize("setting", ["client_encoding = 'LATIN1'", "standard_conforming_strings = off"])
def test_a_setting_that_its_role_or_database_carries_changes_nothing(one: Sourced, whose: str, setting: str) -> None:
    with psycopg.connect(one.url, autocommit=True) as connection:
        connection.execute("CREATE TABLE note (body text DEFAULT E'a\\\\b'); INSERT INTO note VALUES (E'\u20ac \\\\t')")
        before = opened(one.make(), one.credentials)
        connection.execute(f"ALTER {whose} {one.name} SET {setting}".encode())
    after = opened(one.make(), one.credentials)
    assert "\u20ac".encode() in after
    assert KEY.sub(b"", after) == KEY.sub(b"", before)


def test_what_our_reader_does_not_take_is_told_as_that(one: Sourced) -> None:
    with psycopg.connect(one.cluster.url(one.name), autocommit=True) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS plpgsql")
        # The table of an extension whose rows go into a dump, though its making does not.
        connection.execute("CREATE TABLE kept (id int)")
        connection.execute("""
            INSERT INTO pg_depend
            SELECT 'pg_class'::regclass, 'kept'::regclass, 0, 'pg_extension'::regclass, oid, 0, 'e'
            FROM pg_extension WHERE extname = 'plpgsql'""")
        connection.execute("""
            UPDATE pg_extension SET extconfig = ARRAY['kept'::regclass::oid], extcondition = ARRAY['']
            WHERE extname = 'plpgsql'""")
    with pytest.raises(BackupNotStored, match="pg_dump wrote what dmrefresh cannot read back") as caught:
        one.make(url=one.cluster.url(one.name))
    assert not caught.value.retry
    assert "kept" in caught.value.what


def test_a_key_or_a_right_that_is_missing_is_told_before_anything_is_dumped(one: Sourced) -> None:
    with pytest.raises(KeyUnusable), one.produced(recipient="somebody else"):
        pass
    reader = f"r{uuid4().hex[:12]}"
    with psycopg.connect(one.cluster.url(), autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {reader} LOGIN".encode())
    with pytest.raises(RightsMissing), one.produced(source=Source(url=one.cluster.url(one.name, reader))):
        pass


def test_a_standby_is_backed_up_unless_it_lacks_the_rows_of_unlogged_tables(credentials: Credentials) -> None:
    with Cluster(16, settings={"wal_level": "replica"}) as primary:
        made = Sourced(primary, credentials)
        with psycopg.connect(made.url, autocommit=True) as connection:
            connection.execute("CREATE UNLOGGED TABLE passing (id int)")
        copy = primary.directory / "standby"
        argv: list[str | Path] = [primary.bin("pg_basebackup"), "-D", copy / "data", "-d", primary.url()]
        done = run_as(primary.account, [*argv, "-R", "-X", "stream", "-c", "fast"])
        assert done.returncode == 0, done.stderr
        with Cluster(16, directory=copy) as standby:
            url = standby.url(made.name, made.name)
            with pytest.raises(BackupNotStored, match="for passing") as caught:
                made.make(url=url)
            assert (
                caught.value.hint
                == "the source is a standby, which has no rows of unlogged tables: back up the primary"
            )
            with psycopg.connect(made.url, autocommit=True) as connection:
                connection.execute("DROP TABLE passing")
            with psycopg.connect(url, autocommit=True) as connection:
                for _ in range(1000):
                    if connection.execute("SELECT to_regclass('passing') IS NULL").fetchone() == (True,):
                        break
                    time.sleep(0.01)
            made.make(url=url)
            assert made.counts.tables == {"users": 3000, "other.empty": 0}
