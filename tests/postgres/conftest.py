"""Databases to refresh, made for one test each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from fixtures.parts.postgres import Cluster
from tests.postgres.databases import Database


@pytest.fixture
def database(cluster_for: Callable[[int], Cluster]) -> Iterator[Callable[[int], Database]]:
    """Makes databases: `database(18)`."""
    made: list[Database] = []

    def make(major: int) -> Database:
        name = f"t{uuid4().hex[:12]}"
        cluster = cluster_for(major)
        cluster.create_role_and_database(name, name)
        made.append(Database(cluster, name))
        return made[-1]

    yield make
    for database in made:
        with psycopg.connect(database.cluster.url(), autocommit=True) as connection:
            identifier = sql.Identifier(database.name)
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(identifier))
