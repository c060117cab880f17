from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench import anonymisers, backup, parts, production, stages, tools
from bench.ground import Ground, prepared
from bench.measure import ClientFailedError, run
from bench.part import MEGABYTE, Part, Setting
from bench.plain_text import Text
from bench.program import between
from bench.sides import MismatchError
from fixtures.parts.processes import environment
from fixtures.parts.secrets import Credentials


@pytest.fixture
def setting(credentials: Credentials, tmp_path: Path) -> Setting:
    """The smallest that is worth measuring: 2 MB, one round."""
    keep = tmp_path / "keep"
    shutil.copytree(credentials.age_key_file.parent, keep / production.KEYS)
    return Setting(keep, lambda _: None, megabytes=2, rounds=1)


def again(part: Part) -> Part:
    """As it is read from the file of results."""
    return Part.from_dict(part.as_dict())


def test_each_command_is_run_as_often_as_is_asked_for(setting: Setting) -> None:
    part = again(parts.PARTS["startup"](setting))
    assert {len(side.seconds) for side in part.sides.values()} == {1}
    assert set(part.sides) == {"dmrefresh --help", "dmrefresh --version", "dmrefresh dumps --help", "python"}
    assert part.sides["python"].seconds < part.sides["dmrefresh --help"].seconds
    assert part.figures["dmrefresh --help, median"].value == part.sides["dmrefresh --help"].seconds[0]


def test_a_program_reads_one_file_and_writes_another(tmp_path: Path) -> None:
    read, written = tmp_path / "read it", tmp_path / "write it"
    read.write_text("a 'text'")
    run([between("tr", ["tr", "a-z", "A-Z"], environment(), read=read, written=written)], folder=tmp_path)
    assert written.read_text() == "A 'TEXT'"


def test_a_program_between_files_that_fails_is_named(tmp_path: Path) -> None:
    (tmp_path / "read").write_text("")
    with pytest.raises(ClientFailedError, match=r"^false ended with 1"):
        run([between("false", ["false"], environment(), read=tmp_path / "read")], folder=tmp_path)


def text(**of_ann: bytes) -> Text:
    """A dump of two tables; of two people the second has neither telephone nor password."""
    ann = {
        "name": b"Ann",
        "email_address": b"a@b.c",
        "phone_number": b"01",
        "password": b"x",
        "failed_login_count": b"0",
    }
    bob = (b"Bob", b"b@b.c", b"\\N", b"", b"0")
    return Text({"users": 2, "lots": 1}, {b"1": tuple({**ann, **of_ann}.values()), b"2": bob})


FAKES = {"name": b"Eve", "email_address": b"e@b.c", "phone_number": b"02", "password": b"y"}
REPLACED = Text(text().rows, {**text(**FAKES).values, b"2": (b"Zed", b"z@b.c", b"\\N", b"", b"0")})


def test_values_that_were_replaced_and_empty_ones_that_stay_so_pass() -> None:
    anonymisers.look(text(), REPLACED)
    anonymisers.look(text(failed_login_count=b"3"), REPLACED)


@pytest.mark.parametrize("column", [*FAKES, "failed_login_count"])
def test_an_original_that_is_left_is_noticed(column: str) -> None:
    original = text(failed_login_count=b"3")
    left = dict(zip(anonymisers.COLUMNS, original.values[b"1"], strict=True))[column]
    anonymised = Text(REPLACED.rows, {**REPLACED.values, b"1": text(**{**FAKES, column: left}).values[b"1"]})
    with pytest.raises(MismatchError, match=f"^users still holds an original: {column}$"):
        anonymisers.look(original, anonymised)


def test_a_row_that_is_gone_is_noticed() -> None:
    fewer = Text({**REPLACED.rows, "lots": 0}, REPLACED.values)
    with pytest.raises(MismatchError, match=r"lots \(0 instead of 1\)"):
        anonymisers.look(text(), fewer)
    another = Text(REPLACED.rows, {b"1": REPLACED.values[b"1"], b"3": REPLACED.values[b"2"]})
    with pytest.raises(MismatchError, match="not the rows of users, by id"):
        anonymisers.look(text(), another)


@pytest.mark.slow
def test_every_tool_makes_a_dump_with_all_rows_and_without_the_originals(setting: Setting) -> None:
    try:
        installed = tools.tools(setting)
    except ClientFailedError as failed:
        pytest.skip(f"no package index: {failed}")
    part = again(parts.PARTS["rivals"](setting))
    assert {"sed, one rule", "sanitise, every rule", "sanitise, no leak check"} < set(part.sides)
    ways = [part.sides[name] for name in (*anonymisers.OTHERS, anonymisers.FILE, anonymisers.DATABASE)]
    for side in ways:
        assert 0.9 * side.bytes[0] < side.more["written"][0] < 1.1 * side.bytes[0]
    assert 1.5 * MEGABYTE < part.sides["sanitise, every rule"].bytes[0] == ways[0].bytes[0] < 2.5 * MEGABYTE
    assert f"pynonymizer {installed.versions['pynonymizer']}" in part.machine["tools"]


@pytest.mark.slow
def test_both_ways_of_making_a_backup_are_measured_to_where_it_was_read_back(setting: Setting) -> None:
    part = again(parts.PARTS["backup"](setting))
    assert set(part.sides) == {"pipe", "pipe, gzip -1", "backup-production"}
    for side in part.sides.values():
        assert 1.5 * MEGABYTE < side.bytes[0] < 2.5 * MEGABYTE
        assert 0.05 * MEGABYTE < side.more["stored"][0] < 0.5 * MEGABYTE
    assert 0 < part.sides["pipe"].more["reading_back"][0] < part.sides["pipe"].seconds[0]


@pytest.mark.slow
def test_what_is_no_whole_backup_is_noticed_on_both_sides(setting: Setting) -> None:
    with prepared(setting) as ground, backup.loaded(ground, production.dump(setting, 2)) as source:
        by_hand = backup.ByHand(ground, source, [])
        no_dump = encrypted(gzip.compress(b"-- no dump\n"), ground)
        ground.store.client(ground.store.jobs).put_object(Bucket=ground.store.bucket, Key="no-dump", Body=no_dump)
        with pytest.raises(ClientFailedError, match=r"^grep ended with 1$"):
            run(by_hand.reading_back("no-dump"), folder=ground.folder)

        more = backup.Source(source.database, {**source.rows, "users": source.rows["users"] + 1}, source.size)
        with pytest.raises(MismatchError, match="users"):
            backup.Ours(ground, more)()


def encrypted(text: bytes, ground: Ground) -> bytes:
    """An OpenPGP message to the bench's key."""
    command = [*ground.keyring.gpg, "--trust-model", "always", "--recipient", ground.keyring.fingerprint, "--encrypt"]
    return subprocess.run(command, input=text, env=ground.keyring.environment, capture_output=True, check=True).stdout


@pytest.mark.slow
def test_each_step_is_measured_alone_and_the_server_where_it_has_a_part(setting: Setting) -> None:
    before = dict(os.environ)
    part = again(parts.PARTS["stages"](setting))
    assert {name: value for name, value in os.environ.items() if name.startswith("AWS_")} == {
        name: value for name, value in before.items() if name.startswith("AWS_")
    }
    assert {"fetch", "decrypt", "gunzip", "read", "sanitise", "COPY", "compress", "encrypt", "upload"} < set(part.sides)
    for name, side in part.sides.items():
        assert 1.5 * MEGABYTE < side.bytes[0] < 2.5 * MEGABYTE
        assert side.cpu_seconds[0] > 0, name
    with_server = {name for name, side in part.sides.items() if side.more.get("server", [0])[0] > 0}
    assert with_server == {"COPY", "COPY, unlogged", "pg_dump"}
    assert part.figures["read, CPU seconds for a GB"].value > 0


def test_a_step_is_charged_what_it_and_its_programs_use_and_nothing_of_what_clears_away_after_it() -> None:
    def busy() -> None:
        until = time.process_time() + 1
        while time.process_time() < until:
            pass

    def child() -> None:
        subprocess.run([sys.executable, "-I", "-S", "-c", BUSY], check=True)

    alone = stages.Alone(7, child, busy)()
    assert 0.3 <= alone.cpu_seconds < 1
    assert (alone.bytes, alone.more) == (7, {})
    assert stages.Alone(7, busy)().cpu_seconds >= 1


BUSY = "import time\nwhile time.process_time() < 0.3: pass"
