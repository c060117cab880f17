"""Databases to make dumps of, and targets that are as they were."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from dmrefresh.postgres.strategies.publish import StrategyName
from fixtures.parts.postgres import Cluster
from fixtures.parts.seaweedfs import ObjectStore
from fixtures.parts.secrets import Credentials
from tests.faults.swapping import DATA, ROWS, Target
from tests.faults.target import OLDER
from tests.faults.world import MakeDatabase, World
from tests.jobs.scene import Scene
from tests.jobs.small import small_scene
from tests.postgres.databases import Database, dump_of

Made = tuple[Scene, bytes]
States = Callable[[int], dict[str, bytes]]
MakeTarget = Callable[[StrategyName, int], Target]


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


@pytest.fixture(scope="session")
def states(cluster_for: Callable[[int], Cluster], tmp_path_factory: pytest.TempPathFactory) -> States:
    """Makes the dumps between which targets go to and fro, once for each version: `states(18)["even"]`."""
    made: dict[int, dict[str, bytes]] = {}

    def of(major: int) -> dict[str, bytes]:
        if major not in made:
            folder, found = tmp_path_factory.mktemp("states"), {}
            for state, rows in ROWS.items():
                name = f"s{uuid4().hex[:12]}"
                cluster_for(major).create_role_and_database(name, name)
                source = Database(cluster_for(major), name)
                source.run(DATA.format(state, rows))
                found[state] = dump_of(source, folder)
            made[major] = found
        return made[major]

    return of


@pytest.fixture
def make_target(make_database: MakeDatabase, states: States) -> MakeTarget:
    """Makes targets that hold `odd`: `make_target("schema", 18)`."""
    return lambda strategy, major: Target(make_database(major), strategy, states(major))


@pytest.fixture(scope="module")
def made(
    cluster_for: Callable[[int], Cluster],
    object_store: ObjectStore,
    credentials: Credentials,
    tmp_path_factory: pytest.TempPathFactory,
) -> Made:
    """A target, and the text of a dump; whatever is stored, there is one attempt at it."""
    folder = tmp_path_factory.mktemp("made")
    scene, text = small_scene(cluster_for(16), cluster_for(18), object_store, credentials, folder)
    scene.more = "[job]\nattempts = 1"
    return scene, text


@pytest.fixture
def smaller_dumps_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is much smaller than those before it is taken all the same, with a warning."""
    monkeypatch.setenv("DMREFRESH_DUMPS_DOUBTFUL", "warn")
