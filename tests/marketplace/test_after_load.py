"""What runs after the load may run again, and where there is nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from dmrefresh.dump.judging.after_load import script_of
from fixtures.production.filling import TABLES
from tests.marketplace.conftest import Published, Row
from tests.marketplace.streams import shipped
from tests.marketplace.test_responses import MADE_UP


@pytest.fixture
def untouched(publish: Callable[[str], Published]) -> Iterator[Published]:
    """What is published; whatever a test does to it is undone."""
    published = publish("schema")
    with published.target.transaction(force_rollback=True):
        yield published


def run(published: Published) -> None:
    for step in script_of(shipped()).steps:
        published.target.execute(step.sql.encode())
    published.target.execute("SET CONSTRAINTS ALL IMMEDIATE")


def state(published: Published) -> dict[str, list[Row]]:
    """Every row, of made-up responses without the id."""
    found = {table: published.after(f"SELECT t::text FROM {table} t ORDER BY 1") for table in TABLES}
    found["brief_responses"] = published.after("SELECT r::text FROM brief_responses r WHERE awarded_at IS NOT NULL")
    return found | {"made up": published.after(f"{MADE_UP} ORDER BY brief_id")}


def test_a_second_time_changes_nothing(untouched: Published) -> None:
    before = state(untouched)
    assert len(before["made up"]) > 20
    run(untouched)
    assert state(untouched) == before


def test_empty_tables_stay_empty(untouched: Published) -> None:
    untouched.target.execute(f"TRUNCATE {', '.join(TABLES)}".encode())
    run(untouched)
    assert {table for table in TABLES if untouched.after(f"SELECT FROM {table}")} == set()


@pytest.mark.parametrize("table", sorted(TABLES))
def test_a_table_that_is_empty_with_all_that_refers_to_it_is_no_obstacle(table: str, untouched: Published) -> None:
    untouched.target.execute(f"TRUNCATE {table} CASCADE".encode())
    run(untouched)
    assert not untouched.after(f"SELECT FROM {table}") or table == "brief_responses"  # of which some are made up


def test_a_dump_without_suppliers_that_could_respond_gets_no_responses(untouched: Published) -> None:
    untouched.target.execute("""UPDATE supplier_frameworks SET declaration = '{"status": "started"}'""")
    run(untouched)
    assert untouched.after(MADE_UP) == []
    assert untouched.after("SELECT FROM briefs")
