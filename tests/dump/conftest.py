"""Dumps of one nasty database, written by each pg_dump there is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from fixtures.parts.dumping import dump_sql
from fixtures.parts.postgres import Cluster, installed_majors

_NASTY = Path(__file__).with_name("nasty.sql")

_ONLY_IN_18 = """
CREATE TABLE computed (a integer CONSTRAINT "not; null" NOT NULL, b integer GENERATED ALWAYS AS (a + 1) VIRTUAL,
    c text, CONSTRAINT named NOT NULL c);
INSERT INTO computed (a, c) VALUES (1, 'x');
"""

OPTIONS = {
    "plain": (),
    "nightly": ("--no-acl", "--no-owner", "--clean", "--if-exists"),
    "verbose": ("--verbose",),
    "schema only": ("--schema-only", "--clean", "--if-exists"),
    "root": ("--load-via-partition-root", "--no-owner"),
}

Dumps = Callable[[int, str], bytes]


@pytest.fixture(scope="session")
def nasty_dump(cluster_for: Callable[[int], Cluster], tmp_path_factory: pytest.TempPathFactory) -> Dumps:
    """The dump of the nasty database by a major version, with the options of one of OPTIONS."""
    folder = tmp_path_factory.mktemp("dumps")
    loaded: set[int] = set()

    def dump(major: int, options: str) -> bytes:
        file = folder / f"{major} {options}.sql"
        if not file.exists():
            cluster = cluster_for(major)
            if major not in loaded:
                _load(cluster)
                loaded.add(major)
            dump_sql(cluster, "nasty", file, options=OPTIONS[options])
        return file.read_bytes()

    return dump


def _load(cluster: Cluster) -> None:
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE nasty TEMPLATE template0 ENCODING 'UTF8'")
    with psycopg.connect(cluster.url(database="nasty"), autocommit=True) as connection:
        connection.execute(_NASTY.read_bytes())
        if cluster.major >= 18:
            connection.execute(_ONLY_IN_18)


@pytest.fixture(params=installed_majors(), ids=lambda major: f"PostgreSQL {major}")
def major(request: pytest.FixtureRequest) -> int:
    """Each major version that is installed."""
    found = request.param
    assert isinstance(found, int)
    return found
