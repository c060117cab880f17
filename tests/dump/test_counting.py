"""What goes by on its way into a backup is passed on unchanged, counted, and never cut short without a word."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmrefresh.dump.counting import counted
from dmrefresh.dump.counts import Counts
from dmrefresh.errors import DumpDamaged, DumpRefused
from tests.dump.writing import ROWS, USERS, a_dump

MORE = b"CREATE TABLE other.t (\n    id integer\n);\n"
DUMP = a_dump(USERS, MORE, ROWS, b"COPY other.t (id) FROM stdin;\n1\n\\.\n", ROWS)


def passed(dump: bytes, cut: int, counts: Counts) -> bytes:
    return b"".join(counted((dump[at : at + cut] for at in range(0, len(dump), cut)), counts))


@given(st.integers(1, len(DUMP)))
def test_wherever_it_is_cut_the_text_is_the_same_and_every_row_is_counted(cut: int) -> None:
    counts = Counts()
    assert passed(DUMP, cut, counts) == DUMP
    assert counts == Counts({"users": 4, "other.t": 1}, len(DUMP))
    assert counts.rows == 5


@given(st.integers(0, len(DUMP.rstrip()) - 1), st.integers(1, 200))
def test_a_text_that_ends_early_is_a_failure(length: int, cut: int) -> None:
    with pytest.raises((DumpDamaged, DumpRefused)):
        passed(DUMP[:length], cut, Counts())


def test_a_table_without_its_rows_is_a_failure() -> None:
    with pytest.raises(DumpRefused, match=r"no data, not even an empty table's, for other\.t"):
        passed(a_dump(USERS, MORE, ROWS), 64, Counts())


def test_what_a_refresh_would_refuse_is_backed_up_all_the_same_and_said() -> None:
    large = b"SELECT pg_catalog.lo_create('16411');\n"
    counts = Counts()
    assert passed(a_dump(USERS, ROWS, large), 64, counts) == a_dump(USERS, ROWS, large)
    assert counts.refused is not None
    assert "SELECT LARGE OBJECT" in counts.refused
    counts.clear()
    assert counts == Counts()
