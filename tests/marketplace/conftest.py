"""One production with every rare case in it, and what the shipped ruleset publishes of it, by either strategy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from fixtures.parts.dumping import dump_sql, make_dump
from fixtures.parts.postgres import Cluster
from fixtures.parts.seaweedfs import ObjectStore
from fixtures.parts.secrets import Credentials
from fixtures.production import create, fill
from tests.jobs.scene import Ended, Production, Scene, make_target
from tests.marketplace.rare import plant

ROWS = 3000
Row = tuple[Any, ...]


def by_first(rows: list[Row]) -> dict[Any, Any]:
    """The second column by the first."""
    return {row[0]: row[1] for row in rows}


@dataclass
class Published:
    """The production, what came of it, and how."""

    production: Production
    source: psycopg.Connection[Any]
    target: psycopg.Connection[Any]
    ended: Ended

    def before(self, query: str) -> list[Row]:
        """What production says."""
        return self.source.execute(query.encode()).fetchall()

    def after(self, query: str) -> list[Row]:
        """What the target says."""
        return self.target.execute(query.encode()).fetchall()

    def both(self, query: str) -> tuple[list[Row], list[Row]]:
        """What either says."""
        return self.before(query), self.after(query)


@pytest.fixture(scope="session")
def marketplace(
    cluster_for: Callable[[int], Cluster], credentials: Credentials, tmp_path_factory: pytest.TempPathFactory
) -> Production:
    """A production on PostgreSQL 16, with its dump."""
    cluster, database, folder = cluster_for(16), "marketplace_with_all", tmp_path_factory.mktemp("marketplace")
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {database}".encode())
    canaries: set[str] = set()
    with psycopg.connect(cluster.url(database)) as connection:
        create(connection)
        counts = fill(connection, ROWS, 5, canaries=canaries.add)
        plant(connection)
    text, ciphertext = folder / "dump.sql", folder / "dump.gpg"
    dump_sql(cluster, database, text)
    make_dump(cluster, database, credentials, ciphertext, level=1)
    return Production(cluster, database, counts, [c.encode() for c in sorted(canaries)], text, ciphertext)


@pytest.fixture(scope="session")
def publish(
    marketplace: Production,
    cluster_for: Callable[[int], Cluster],
    object_store: ObjectStore,
    credentials: Credentials,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[str], Published]]:
    """What the command publishes on PostgreSQL 18, as an ordinary role, by the strategy that is given."""
    done: dict[str, Published] = {}
    with ExitStack() as stack:

        def connected(url: str) -> psycopg.Connection[Any]:
            return stack.enter_context(psycopg.connect(url, autocommit=True))

        def by(strategy: str) -> Published:
            if strategy not in done:
                name, cluster = f"marketplace-{strategy}", cluster_for(18)
                url = make_target(cluster, name)
                if strategy == "database":
                    connected(cluster.url()).execute(f'ALTER ROLE "{name}" CREATEDB'.encode())
                scene = Scene(tmp_path_factory.mktemp(name), object_store, credentials, url, stage=name)
                scene.more = f'strategy = "{strategy}"'
                scene.put(marketplace.ciphertext.read_bytes())
                ended = scene.refresh()
                assert ended.code == 0, ended.output
                source = connected(marketplace.cluster.url(marketplace.database))
                done[strategy] = Published(marketplace, source, connected(url), ended)
            return done[strategy]

        yield by


@pytest.fixture(params=["schema", "database"])
def published(request: pytest.FixtureRequest, publish: Callable[[str], Published]) -> Published:
    """What is published by each strategy."""
    return publish(request.param)


@pytest.fixture
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Password hashes that cost next to nothing, where nobody looks at them."""
    monkeypatch.setattr("sanitisers.making.hashing.BCRYPT_COST", 4)
