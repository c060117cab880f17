"""The filter for pipes: rows as the ruleset wants them, every other byte as it was or by the policy."""

from __future__ import annotations

import gzip
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from dmrefresh.dump.writer import BROKEN_OFF
from fixtures.parts.postgres import Cluster
from fixtures.parts.secrets import Credentials
from fixtures.production.canaries import find
from tests.jobs.scene import DMREFRESH, KEEP_EVERY_ROW, Production, keep_the_key


def filtered(
    text: bytes, *arguments: str, folder: Path, stdout: int = subprocess.PIPE
) -> subprocess.CompletedProcess[bytes]:
    """Run the filter in a folder without settings."""
    argv = [DMREFRESH, "sanitise", *arguments]
    return subprocess.run(argv, input=text, cwd=folder, stdout=stdout, stderr=subprocess.PIPE, check=False)


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzipped"])
def test_without_a_ruleset_and_with_everything_kept_output_is_input(
    production: Production, tmp_path: Path, packed: bool
) -> None:
    text = production.text.read_bytes()
    done = filtered(gzip.compress(text, 1) if packed else text, "--unlisted", "keep", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == text
    assert done.stderr == b""


def test_nothing_personal_is_in_the_output_and_psql_loads_it(
    production: Production, cluster_for: Callable[[int], Cluster], tmp_path: Path
) -> None:
    done = filtered(production.text.read_bytes(), "--ruleset", str(KEEP_EVERY_ROW), folder=tmp_path)
    assert done.returncode == 0, done.stderr
    rows = sum(production.rows.values())
    assert f"{rows:,} rows read, {rows:,} written".encode() in done.stderr
    assert b"left out: " in done.stderr
    clean = tmp_path / "clean.sql"
    clean.write_bytes(done.stdout + done.stderr)
    assert find(clean, production.canaries) == []
    cluster = cluster_for(18)
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE filtered")
    argv = [str(cluster.bin("psql")), "-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", "-d", cluster.url("filtered")]
    loaded = subprocess.run(argv, input=done.stdout, capture_output=True, check=False)
    assert loaded.returncode == 0, loaded.stderr
    with psycopg.connect(cluster.url("filtered")) as connection:
        for table, count in production.rows.items():
            found = connection.execute(f'SELECT count(*) FROM "{table}"'.encode()).fetchone()
            assert found == (count,), table


def test_any_number_of_processes_writes_the_same_bytes(
    production: Production, credentials: Credentials, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_the_key(credentials, tmp_path / "key.enc")
    monkeypatch.setenv("DMREFRESH_KEYS_SANITISER_KEY", str(tmp_path / "key.enc"))
    monkeypatch.setenv("SOPS_AGE_KEY_FILE", str(credentials.age_key_file))
    text, written, said = production.text.read_bytes(), [], []
    for processes in (1, 2, 4):
        monkeypatch.setenv("DMREFRESH_JOB_PROCESSES", str(processes))
        done = filtered(text, "--ruleset", str(KEEP_EVERY_ROW), folder=tmp_path)
        assert done.returncode == 0, done.stderr
        written.append(re.sub(rb"^\\(un)?restrict .*$", b"", done.stdout, flags=re.MULTILINE))  # each has its own
        said.append(re.sub(rb"^[0-9:]+", b"", done.stderr, flags=re.MULTILINE))
    assert written == written[:1] * 3
    assert said == said[:1] * 3


def test_a_column_without_a_rule_stops_the_filter_unless_unlisted_columns_are_kept(
    production: Production, tmp_path: Path
) -> None:
    ruleset = tmp_path / "few.yaml"
    rules = "ruleset: 1\ntables:\n  users:\n    columns:\n      name: person.name\n"
    ruleset.write_text(rules)
    text = production.text.read_bytes()
    stopped = filtered(text, "--ruleset", str(ruleset), folder=tmp_path)
    assert stopped.returncode == 14
    assert b"CREATE TABLE" not in stopped.stdout
    assert b"COPY" not in stopped.stdout
    leaking = filtered(text, "--ruleset", str(ruleset), "--unlisted", "keep", folder=tmp_path)
    assert leaking.returncode == 14
    assert b"audit_events.data: " in leaking.stderr  # the names of users, in a column that nobody has named
    assert leaking.stdout.endswith(BROKEN_OFF)
    ruleset.write_text(f"{rules}leak_check: off (what is not listed is kept on purpose)\n")
    kept = filtered(text, "--ruleset", str(ruleset), "--unlisted", "keep", folder=tmp_path)
    assert kept.returncode == 0, kept.stderr
    assert b"kept without a rule: " in kept.stderr
    assert _rows(kept.stdout, b"lots") == _rows(text, b"lots")
    before, after = _rows(text, b"users"), _rows(kept.stdout, b"users")
    assert len(before) == len(after) > 100
    changed = [[a == b for a, b in zip(x, y, strict=True)] for x, y in zip(before, after, strict=True)]
    columns = list(zip(*changed, strict=True))
    assert not all(columns[1])  # the name
    assert all(all(column) for place, column in enumerate(columns) if place != 1)


def _rows(text: bytes, table: bytes) -> list[list[bytes]]:
    begin = text.index(b"\nCOPY public.%s " % table)
    begin = text.index(b"\n", begin + 1) + 1
    return [line.split(b"\t") for line in text[begin : text.index(b"\\.\n", begin)].splitlines()]


def test_without_a_ruleset_nothing_passes_unless_all_is_to_be_kept(production: Production, tmp_path: Path) -> None:
    done = filtered(production.text.read_bytes(), folder=tmp_path)
    assert done.returncode == 2
    assert done.stdout == b""
    assert b"--unlisted keep" in done.stderr


def test_a_ruleset_that_the_settings_name_is_taken(production: Production, tmp_path: Path) -> None:
    (tmp_path / "dmrefresh.toml").write_text('[ruleset]\npath = "digitalmarketplace"\n')
    done = filtered(production.text.read_bytes(), folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert _rows(done.stdout, b"audit_events") == []
    assert len(_rows(done.stdout, b"users")) == production.rows["users"]


@pytest.mark.parametrize("part", [0.1, 0.5, 0.999])
def test_a_dump_that_ends_too_early_is_damage_and_what_was_written_says_so(
    production: Production, tmp_path: Path, part: float
) -> None:
    text = production.text.read_bytes()
    for packed in (False, True):
        whole = gzip.compress(text, 1) if packed else text
        done = filtered(whole[: int(len(whole) * part)], "--unlisted", "keep", folder=tmp_path)
        assert done.returncode == 13
        assert done.stdout.endswith(BROKEN_OFF)
        assert b"no whole dump" in done.stderr


def test_what_is_no_dump_is_refused_with_the_command_that_makes_one(tmp_path: Path) -> None:
    for text, code in ((b"PGDMP\x01\x0e", 17), (b"hello", 17), (b"", 13)):
        done = filtered(text, "--unlisted", "keep", folder=tmp_path)
        assert done.returncode == code
        assert (b"pg_dump --format=plain" in done.stderr) is bool(text)


@pytest.mark.fault("83")
def test_a_reader_that_has_had_enough_is_no_error_to_speak_of(production: Production, tmp_path: Path) -> None:
    line = f"{DMREFRESH} sanitise --unlisted keep < {production.text} | head -c 10"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", line], cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 128 + signal.SIGPIPE
    assert done.stderr == b""


def test_a_full_disk_is_said_and_nothing_is_taken_for_whole(production: Production, tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = filtered(production.text.read_bytes(), "--unlisted", "keep", folder=tmp_path, stdout=full.fileno())
    assert done.returncode == 15
    assert b"No space left on device" in done.stderr


def test_a_signal_while_a_slow_reader_holds_the_filter_up_cuts_nothing_that_could_be_loaded(
    production: Production, tmp_path: Path
) -> None:
    """The pipe is full and the filter sits in the middle of a block when the signal comes."""
    argv = [DMREFRESH, "sanitise", "--unlisted", "keep"]
    with (
        production.text.open("rb") as text,
        subprocess.Popen(argv, cwd=tmp_path, stdin=text, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child,
    ):
        assert child.stdout is not None
        seen = child.stdout.read(100_000)
        time.sleep(1)
        child.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        seen += child.stdout.read()
        assert child.wait(20) == 128 + signal.SIGTERM
    assert len(seen) < production.text.stat().st_size
    assert seen.endswith(BROKEN_OFF)
    assert production.text.read_bytes().startswith(seen.removesuffix(BROKEN_OFF))


def test_a_signal_ends_the_filter_with_text_that_no_server_takes(production: Production, tmp_path: Path) -> None:
    argv = [DMREFRESH, "sanitise", "--unlisted", "keep"]
    written = tmp_path / "written.sql"
    with (
        written.open("wb") as out,
        subprocess.Popen(argv, cwd=tmp_path, stdin=subprocess.PIPE, stdout=out, stderr=subprocess.DEVNULL) as child,
    ):
        assert child.stdin is not None
        text = production.text.read_bytes()
        child.stdin.write(text[: text.index(b"\nCOPY public.users ") + 4000])
        child.stdin.flush()
        while not written.stat().st_size:
            time.sleep(0.1)
        child.send_signal(signal.SIGTERM)
        assert child.wait(20) == 128 + signal.SIGTERM
    output = written.read_bytes()
    assert output.endswith(BROKEN_OFF)
