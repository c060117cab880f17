"""The two rows of the table that are about size: how much memory the reader takes in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.reading import ROW, TABLES


def grown_by(case: str, rows: int) -> tuple[int, int]:
    """By how many bytes the reader's process grew, and the size of the dump, which must have that many rows."""
    argv = [sys.executable, "-m", "tests.faults.reading", case]
    said = subprocess.run(argv, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[2]).stdout
    found, size, grown = map(int, said.split())
    assert found == rows
    return grown, size


@pytest.mark.fault("42c")
def test_a_row_of_hundreds_of_megabytes_takes_a_few_times_its_size_and_no_more() -> None:
    grown, size = grown_by("42c", 1)
    assert size > ROW
    assert grown < 3 * ROW


@pytest.mark.fault("43a")
def test_thousands_of_tables_take_a_kilobyte_or_two_each() -> None:
    grown, size = grown_by("43a", TABLES)
    assert size > 200 * TABLES
    assert grown < TABLES * 3000
