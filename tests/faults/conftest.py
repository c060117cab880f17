"""Databases to make dumps of, and targets that are as they were."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from fixtures.parts.postgres import Cluster
from tests.faults.target import OLDER
from tests.faults.world import MakeDatabase, World
from tests.postgres.databases import Database


@pytest.fixture(scope="module")
def make_database(cluster_for: Callable[[int], Cluster]) -> Iterator[MakeDatabase]:
    """Makes empty databases, which go at the end of the module."""
    made: list[Database] = []

    def make(major: int) -> Database:
        name = f"f{uuid4().hex[:12]}"
        cluster_for(major).create_role_and_database(name, name)
        made.append(Database(cluster_for(major), name))
        return made[-1]

    yield make
    for database in made:
        with psycopg.connect(database.cluster.url(), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(database.name)))
            connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(database.name)))


@pytest.fixture(scope="module")
def world(make_database: MakeDatabase, cluster_for: Callable[[int], Cluster]) -> World:
    """Where the dumps of this module are made; the witness is where servers may write."""
    return World(make_database, cluster_for(16).directory / f"witness-{uuid4().hex}")


@pytest.fixture(scope="module")
def older(make_database: MakeDatabase) -> Callable[[int], Database]:
    """Makes databases with older data: `older(16)`."""

    def make(major: int) -> Database:
        target = make_database(major)
        target.run(*OLDER)
        return target

    return make


@pytest.fixture
def unchanged(
    request: pytest.FixtureRequest, older: Callable[[int], Database], _shared: dict[int, Database]
) -> Iterator[Callable[[int], Database]]:
    """Gives a database with older data to a test that must leave it as it is; others get it as long as they do."""

    def one(major: int) -> Database:
        target = _shared.pop(major, None) or older(major)
        given[major] = target
        return target

    given: dict[int, Database] = {}
    failed = request.session.testsfailed
    yield one
    if request.session.testsfailed == failed:
        _shared.update(given)


@pytest.fixture(scope="module")
def _shared() -> dict[int, Database]:
    return {}
