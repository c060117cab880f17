from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench import lz4, production, results
from bench.measure import ClientFailedError, Program, run
from bench.part import Setting
from fixtures.parts.secrets import Credentials

CHECKOUT = Path(__file__).parents[2]
MEGABYTE = 1_000_000


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_bench_loads_one_dump_in_every_way_and_writes_down_what_that_took(
    credentials: Credentials, tmp_path: Path
) -> None:
    keep, file = tmp_path / "keep", tmp_path / "results.json"
    shutil.copytree(credentials.age_key_file.parent, keep / production.KEYS)
    command = [sys.executable, "-m", "bench", "load", "growth", "--megabytes", "2", "--rounds", "1", "--sizes", "2,3"]
    done = subprocess.run(
        [*command, "--keep", str(keep), "--results", str(file)],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "database : pipe, ANALYZE" in done.stdout

    parts = results.read(file)
    part, growth = parts["load"], parts["growth"]
    pipe, database, shipped = part.sides["pipe"], part.sides["database"], part.sides["digitalmarketplace"]
    assert 0 < pipe.peak_bytes[0] < database.peak_bytes[0]
    assert 1.5 * MEGABYTE < database.bytes[0] < 2.5 * MEGABYTE
    assert set(database.more["memory"][0]) >= {"dmrefresh"}
    assert part.figures["rows"].value == database.more["rows"][0] > 2000 > shipped.more["rows"][0]

    assert list(growth.sides) == ["2 MB", "3 MB"]
    assert growth.sides["2 MB"].bytes == database.bytes
    assert 1.3 < growth.sides["3 MB"].bytes[0] / growth.sides["2 MB"].bytes[0] < 1.7

    said: list[str] = []
    again = production.dump(Setting(keep, said.append), 2)
    assert said == [], "the second time it is taken up again"
    assert sum(again.rows.values()) == part.figures["rows"].value


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_with_lz4_both_sides_store_long_values_so(credentials: Credentials, tmp_path: Path) -> None:
    keep = tmp_path / "keep"
    shutil.copytree(credentials.age_key_file.parent, keep / production.KEYS)
    before = dict(os.environ)
    part = lz4.measure(Setting(keep, print, megabytes=2, rounds=1))
    assert dict(os.environ) == before
    if not part.sides:
        pytest.skip(part.remarks[0])
    # Each side has demanded of its database that it is so, and only so.
    assert list(part.sides) == ["pipe", "pipe, lz4", "database", "database, lz4"]
    assert part.sides["pipe"].more["on_server"] != part.sides["pipe, lz4"].more["on_server"]
    assert part.sides["database"].bytes == part.sides["database, lz4"].bytes


def test_memory_is_a_programs_own_with_its_children_and_nothing_of_who_started_it(tmp_path: Path) -> None:
    ballast = bytearray(os.urandom(1024)) * 200_000
    hold = "import time; held = bytearray(b'x') * {}; time.sleep(0.5)"
    parent = "import subprocess, sys; subprocess.run([sys.executable, '-I', '-S', '-c', sys.argv[1]], check=True)"
    used = run(
        [Program("parent", [sys.executable, "-I", "-S", "-c", parent, hold.format(60 * MEGABYTE)], os.environ)],
        folder=tmp_path,
    )
    assert 60 * MEGABYTE < used.peak_memory < len(ballast)


def test_a_program_that_fails_in_the_middle_of_a_pipeline_is_named(tmp_path: Path) -> None:
    programs = [
        Program("first", ["sh", "-c", "echo text"], os.environ),
        Program("second", ["sh", "-c", "cat > /dev/null; echo a row >&2; exit 7"], os.environ),
        Program("third", ["cat"], os.environ),
    ]
    with pytest.raises(ClientFailedError, match=r"^second ended with 7$"):
        run(programs, folder=tmp_path)
