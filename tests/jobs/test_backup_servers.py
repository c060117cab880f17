"""A backup of each version of PostgreSQL, refreshed into another one, is what psql makes of the same backup there."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import IO
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from fixtures.parts.gnupg import gpg
from fixtures.parts.postgres import Cluster, installed_majors
from fixtures.parts.seaweedfs import ObjectStore
from fixtures.parts.secrets import Credentials, keyring
from fixtures.production import create, fill
from tests.jobs.backing_up import Backup
from tests.jobs.scene import KEEP_EVERY_ROW

PAIRS = [(a, b) for a, b in ((15, 16), (16, 18), (18, 18)) if {a, b} <= set(installed_majors())]


@pytest.fixture(params=PAIRS, ids=lambda pair: f"{pair[0]} to {pair[1]}")
def pair(
    request: pytest.FixtureRequest,
    cluster_for: Callable[[int], Cluster],
    object_store: ObjectStore,
    credentials: Credentials,
    tmp_path: Path,
) -> tuple[Backup, Cluster]:
    """A marketplace on the one server, an empty target on the other, and that other."""
    source, target = (cluster_for(major) for major in request.param)
    name = f"t{uuid4().hex[:12]}"
    for cluster in {source, target}:
        cluster.create_role_and_database(name, name)
    if source is target:
        target.create_role_and_database(f"{name}_target", f"{name}_target")
    with psycopg.connect(source.url(name, name)) as connection:
        create(connection)
        fill(connection, 1000, 4)
    to = f"{name}_target" if source is target else name
    made = Backup(tmp_path, object_store, credentials, target.url(to, to), name, ruleset=str(KEEP_EVERY_ROW))
    made.source_url = source.url(name, name)
    return made, target


@pytest.mark.fault("95")
def test_a_refresh_makes_of_a_backup_what_gpg_gunzip_and_psql_make_of_it(pair: tuple[Backup, Cluster]) -> None:
    backup, target = pair
    ended = backup.back_up()
    assert ended.code == 0, ended.output
    refreshed = backup.refresh()
    assert refreshed.code == 0, refreshed.output
    owner = backup.target_url.rpartition("/")[2]
    restored = f"{owner}_restored"
    with psycopg.connect(target.url(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {restored} OWNER {owner}".encode())
    restore(backup.content(ended.report["name"]), backup.credentials, target, target.url(restored, owner))
    assert schema(target, backup.target_url) == schema(target, target.url(restored, owner))
    changed = {table["name"]: set(table["replaced"]) for table in refreshed.report["tables"]}
    ours, theirs = (contents(url, changed) for url in (backup.target_url, target.url(restored, owner)))
    assert ours.keys() == theirs.keys() == changed.keys() == ended.report["rows"].keys()
    for table, there in theirs.items():
        assert there[0] == ended.report["rows"][table], table
        assert ours[table] == there, table
    assert sum(len(columns) for _, columns, _ in ours.values()) > 100
    # What the source holds is what was restored, in every column.
    assert contents(backup.source_url, {}) == contents(target.url(restored, owner), {})


def restore(ciphertext: bytes, credentials: Credentials, cluster: Cluster, url: str) -> None:
    """What a person does without dmrefresh: gpg -d | gunzip | psql."""
    with keyring() as home, ExitStack() as stack:
        base = [gpg(), "--homedir", str(home), "--no-options", "--batch", "--quiet", "--pinentry-mode", "loopback"]
        files = credentials.public_key.parent
        env = os.environ | {"SOPS_AGE_KEY_FILE": str(credentials.age_key_file)}
        kind = ["sops", "--decrypt", "--input-type", "binary", "--output-type", "binary"]
        secret = subprocess.run([*kind, str(files / "secret.key.enc")], env=env, capture_output=True, check=True).stdout
        passphrase, message = home / "passphrase", home / "message"
        passphrase.write_text(credentials.passphrase)
        message.write_bytes(ciphertext)
        subprocess.run([*base, "--import"], input=secret, check=True)
        upstream: IO[bytes] | None = None
        running = []
        for argv in (
            [*base, "--passphrase-file", str(passphrase), "--decrypt", str(message)],
            ["gunzip"],
            [str(cluster.bin("psql")), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-o", os.devnull, "-d", url],
        ):
            last = argv[0].endswith("psql")
            child = stack.enter_context(
                subprocess.Popen(argv, stdin=upstream, stdout=None if last else subprocess.PIPE, stderr=subprocess.PIPE)
            )
            upstream = child.stdout
            running.append(child)
        said = running[-1].communicate()[1]
        assert [child.wait() for child in running] == [0, 0, 0], said.decode()


def schema(cluster: Cluster, url: str) -> list[str]:
    """The definitions, but for the receipts; lines that differ each time are left out."""
    argv = [str(cluster.bin("pg_dump")), "--schema-only", "--no-owner", "--no-acl", "--exclude-schema=dmrefresh", url]
    text = subprocess.run(argv, capture_output=True, check=True, text=True).stdout
    assert "CREATE TABLE public.users" in text
    return [line for line in text.splitlines() if not line.startswith(("\\restrict", "\\unrestrict"))]


def contents(url: str, changed: dict[str, set[str]]) -> dict[str, tuple[int, list[str], str]]:
    """For each table its rows, the columns that no rule changes, and a checksum of these in whatever order rows are."""
    found = {}
    with psycopg.connect(url) as connection:
        columns: dict[str, list[str]] = {}
        for table, column in connection.execute(
            "SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
            "WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped "
            "ORDER BY c.relname, a.attname"
        ):
            if column not in changed.get(table, ()):
                columns.setdefault(table, []).append(column)
        for table, names in columns.items():
            query = sql.SQL("SELECT count(*), sum(hashtextextended(ROW({})::text, 0))::text FROM {}").format(
                sql.SQL(", ").join(map(sql.Identifier, names)), sql.Identifier(table)
            )
            ((rows, digest),) = connection.execute(query).fetchall()
            found[table] = (rows, names, digest)
    return found
