"""Which rows stay is what a real server says."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from fixtures.parts.postgres import Cluster
from sanitisers.engine.copy_text import decode
from tests.sanitisers.predicates import COLUMNS, LABELS, blocks, predicates, rows
from tests.sanitisers.test_rows import of


@pytest.fixture(scope="module")
def connection(cluster_for: Callable[[int], Cluster]) -> Iterator[psycopg.Connection]:
    with psycopg.connect(cluster_for(16).url()) as connection:
        labels = sql.SQL(", ").join(map(sql.Literal, LABELS))
        connection.execute(sql.SQL("CREATE TYPE pg_temp.label AS ENUM ({})").format(labels))
        types = {"public.label": "pg_temp.label"}
        columns = sql.SQL(", ").join(
            sql.SQL("{} {}").format(sql.Identifier(one.name), sql.SQL(types.get(one.type, one.type))) for one in COLUMNS
        )
        connection.execute(sql.SQL("CREATE TEMPORARY TABLE r ({})").format(columns))
        connection.commit()
        yield connection
        connection.rollback()


@given(st.data(), st.lists(predicates, min_size=1, max_size=12))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_rows_that_stay_are_those_that_postgresql_keeps(
    connection: psycopg.Connection, data: st.DataObject, conditions: list[str]
) -> None:
    """Of rows as pg_dump would write them in some time zone, and of the same with whatever escapes COPY reads."""
    drawn = data.draw(rows())
    given_by_hand = data.draw(blocks(drawn))
    zone = data.draw(st.sampled_from(["UTC", "Asia/Kolkata", "Europe/Amsterdam", "-11"]))
    try:
        connection.execute("SELECT set_config('TimeZone', %s, true)", (zone,))
        with connection.cursor() as cursor:
            with cursor.copy("COPY r FROM STDIN") as into:
                into.write(given_by_hand)
            with cursor.copy("COPY r TO STDOUT") as out:
                block = b"".join(bytes(part) for part in out)
        for condition in conditions:
            kept = connection.execute(f"SELECT id FROM r WHERE {condition}".encode()).fetchall()
            for copied in (block, given_by_hand):
                done = of(condition).apply(copied)
                ids = [int(decode(line.split(b"\t")[0])) for line in bytes(done.rows).splitlines()]
                assert ids == [number for (number,) in kept], condition
                assert (done.count_in, done.count_out) == (len(drawn), len(kept))
    finally:
        connection.rollback()
