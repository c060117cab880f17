"""Receipts: what a target says about what it holds."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from dmrefresh.errors import RightsMissing
from dmrefresh.postgres import receipt
from dmrefresh.postgres.reach import connect
from dmrefresh.postgres.state import state_of
from fixtures.parts.postgres import installed_majors
from tests.postgres import keeping
from tests.postgres.databases import Database, dump_of

MakeDatabase = Callable[[int], Database]


@pytest.fixture
def dump(database: MakeDatabase, tmp_path: Path) -> bytes:
    source = database(installed_majors()[0])
    source.run("CREATE TABLE person (id integer PRIMARY KEY, name text)", "INSERT INTO person VALUES (1, 'a')")
    return dump_of(source, tmp_path)


@pytest.mark.parametrize("major", [15, 16, 18])
def test_a_receipt_says_what_where_by_whom_and_how(database: MakeDatabase, dump: bytes, major: int) -> None:
    target = database(major)
    keeping.refresh(dump, target, run="one")
    with connect.session(target.url) as connection:
        found = receipt.latest(connection)
    assert found is not None
    said = (found.run, found.dump, found.ruleset, found.version, found.rows, found.target)
    assert said == ("one", "a dump", "none", "0", 1, "staging")
    assert (found.published_by, found.role, found.strategy) == ("jo@here", target.name, "schema")
    assert (found.kept_until, found.restored) == (None, None)


@pytest.mark.parametrize("major", [15, 16, 18])
def test_a_table_of_an_earlier_version_is_read_as_it_is_and_gets_its_columns_with_the_next_refresh(
    database: MakeDatabase, dump: bytes, major: int
) -> None:
    target = database(major)
    target.run(
        "CREATE SCHEMA dmrefresh",
        "CREATE TABLE dmrefresh.receipts (run text PRIMARY KEY, published_at timestamptz NOT NULL DEFAULT "
        "pg_catalog.clock_timestamp(), dump text NOT NULL, ruleset text NOT NULL, rows bigint NOT NULL, "
        "version text NOT NULL)",
        "INSERT INTO dmrefresh.receipts (run, dump, ruleset, rows, version) VALUES ('before', 'd', 'r', 7, '0.1')",
    )
    earlier = state_of(target.url)
    assert earlier.entry is not None
    assert (earlier.entry.run, earlier.entry.rows, earlier.entry.target, earlier.as_published) == (
        "before",
        7,
        "",
        None,
    )
    keeping.refresh(dump, target, run="after")
    rows = target.run("SELECT run, target, published_by, strategy FROM dmrefresh.receipts ORDER BY published_at")
    assert rows == [("before", "", "", "schema"), ("after", "staging", "jo@here", "schema")]


def test_a_refresh_that_fails_leaves_the_table_of_an_earlier_version_as_it_was(
    database: MakeDatabase, dump: bytes
) -> None:
    target = database(18)
    keeping.refresh(dump, target, run="one")
    target.run("ALTER TABLE dmrefresh.receipts DROP COLUMN contents")
    with pytest.raises(Exception, match="receipt"):
        keeping.refresh(dump, target, run="one")  # a name that is taken
    columns = target.run(
        "SELECT count(*) FROM pg_attribute WHERE attrelid = 'dmrefresh.receipts'::regclass AND attname = 'contents'"
    )
    assert columns == [(0,)]


def test_any_role_that_may_read_the_receipts_may_ask_and_another_is_told_what_is_missing(
    database: MakeDatabase, dump: bytes
) -> None:
    target, other = database(18), database(18)
    keeping.refresh(dump, target)
    url = target.cluster.url(target.name, other.name)
    with pytest.raises(RightsMissing, match="may not read the receipts") as caught:
        state_of(url)
    assert "GRANT" in (caught.value.hint or "")
    target.run(
        f'GRANT USAGE ON SCHEMA dmrefresh TO "{other.name}"', f'GRANT SELECT ON dmrefresh.receipts TO "{other.name}"'
    )
    try:
        found = state_of(url)
        assert found.entry is not None
        assert found.as_published is True
    finally:
        target.run(f'DROP OWNED BY "{other.name}"', superuser=True)


def test_tables_that_somebody_replaced_are_not_those_of_the_receipt(database: MakeDatabase, dump: bytes) -> None:
    target = database(18)
    keeping.refresh(dump, target)
    assert state_of(target.url).as_published is True
    target.run("DROP TABLE person", "CREATE TABLE person (id integer)")
    assert state_of(target.url).as_published is False


def test_whoever_publishes_is_named_by_user_and_machine_in_harmless_letters() -> None:
    assert re.fullmatch(r"[A-Za-z0-9._-]+@[A-Za-z0-9._-]+", receipt.publisher())
