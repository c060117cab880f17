"""Which columns hold no value twice is read off a real database."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from dmrefresh.postgres.unique_columns import unique_columns
from tests.postgres.databases import Database

SCHEMA = """
CREATE TABLE users (id serial PRIMARY KEY, email text UNIQUE, name text, code text, a int, b int, UNIQUE (a, b));
CREATE UNIQUE INDEX ON users (lower(name));
CREATE UNIQUE INDEX ON users (code) WHERE a > 0;
CREATE UNIQUE INDEX ON users ((a + b));
CREATE INDEX ON users (b);
CREATE UNIQUE INDEX ON users (name) INCLUDE (b);
CREATE SCHEMA other; CREATE TABLE other."Odd one" ("The id" uuid UNIQUE);
CREATE SCHEMA dmrefresh_previous; CREATE TABLE dmrefresh_previous.t (id int PRIMARY KEY);
INSERT INTO users (email) SELECT n::text FROM generate_series(1, 300) n;
ANALYZE users;
"""


@pytest.mark.parametrize("version", [15, 18])
def test_keys_constraints_and_indexes_tell_which_columns_are_unique(
    database: Callable[[int], Database], version: int
) -> None:
    there = database(version)
    there.run(*(statement for statement in SCHEMA.split(";\n") if statement.strip()))
    with psycopg.connect(there.url) as connection:
        columns, rows = unique_columns(connection)
    assert columns == {"users": {"id", "email", "name", "code"}, "other.Odd one": {"The id"}}
    assert rows["users"] == 300
