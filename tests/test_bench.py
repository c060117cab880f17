from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench import production
from bench.measure import ClientFailedError, Program, run
from fixtures.parts.secrets import Credentials

CHECKOUT = Path(__file__).parents[1]
MEGABYTE = 1_000_000


@pytest.mark.slow
def test_the_bench_loads_one_dump_both_ways_and_compares_them(credentials: Credentials, tmp_path: Path) -> None:
    keep, file = tmp_path / "keep", tmp_path / "figures.json"
    shutil.copytree(credentials.age_key_file.parent, keep / production.KEYS)
    command = [sys.executable, "-m", "bench", "--megabytes", "2", "--rounds", "1"]
    done = subprocess.run(
        [*command, "--keep", str(keep), "--json", str(file)],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "B : (A, then ANALYZE)" in done.stdout

    (size,) = json.loads(file.read_text())["sizes"]
    (only,) = size["rounds"]
    plain, refreshed = only["plain"], only["refreshed"]
    assert plain["left"]["rows"] == refreshed["left"]["rows"]
    assert sum(plain["left"]["rows"].values()) == size["rows"] > 2000
    assert plain["left"]["rows"]["audit_events"] > 1000
    assert 1.5 * MEGABYTE < size["plain_bytes"] < 2.5 * MEGABYTE
    assert set(refreshed["usage"]["memory"]) >= {"dmrefresh"}
    assert 0 < plain["usage"]["peak_memory"] < refreshed["usage"]["peak_memory"]

    said: list[str] = []
    again = production.dump(keep, 2, 16, production.keys(keep), said.append)
    assert (again.rows, said) == (plain["left"]["rows"], []), "the second time it is taken up again"


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
