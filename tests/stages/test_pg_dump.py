"""A dump is whole or it is a failure, and nobody else on the machine learns how to get in."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import psutil
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from dmrefresh.dump.events import End
from dmrefresh.dump.reader import read_dump
from dmrefresh.errors import TargetUnfit, UsageFailure
from dmrefresh.postgres.conninfo import used
from dmrefresh.programs import find_pg_dump, programs
from dmrefresh.stages.pg_dump import pg_dump
from fixtures.parts.postgres import Cluster, installed_majors

SECRET = "horse battery"


@pytest.fixture
def locked(cluster_for: Callable[[int], Cluster]) -> Iterator[str]:
    """A URL of a database whose role is let in by a password alone."""
    cluster, name = cluster_for(16), f"p{uuid4().hex[:12]}"
    cluster.create_role_and_database(name, name)
    rules = cluster.data_directory / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text(f"host all {name} 127.0.0.1/32 scram-sha-256\n{before}")
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        connection.execute(f"ALTER ROLE {name} PASSWORD '{SECRET}'".encode())
        connection.execute("SELECT pg_reload_conf()")
    with psycopg.connect(make_conninfo(cluster.url(name, name), password=SECRET)) as connection:
        connection.execute("CREATE TABLE t AS SELECT n, repeat('x', 100) AS x FROM generate_series(1, 20000) n")
    yield make_conninfo(cluster.url(name, name), password=SECRET)
    rules.write_text(before)


def test_a_dump_of_a_database_with_a_password_is_whole_and_the_password_is_nowhere(locked: str) -> None:
    with psycopg.connect(locked) as connection:
        assert connection.info.password == SECRET
        blocks = pg_dump(find_pg_dump(16).path, used(connection), ["--no-owner"])
        text = next(blocks)
        (child,) = [one for one in psutil.Process().children() if "pg_dump" in " ".join(one.cmdline())]
        seen = " ".join(child.cmdline()) + str(child.environ())
        text += b"".join(blocks)
    assert "service=dmrefresh" in seen
    assert SECRET not in seen
    assert "horse" not in seen
    *_, end = read_dump([text])
    assert isinstance(end, End)
    assert end.rows == 20000


def test_a_session_that_is_ended_in_the_middle_is_a_failure(locked: str, cluster_for: Callable[[int], Cluster]) -> None:
    with psycopg.connect(locked) as connection:
        name = connection.info.dbname
        connection.execute("INSERT INTO t SELECT n, repeat('y', 100) FROM generate_series(1, 400000) n")
        connection.commit()
        blocks = pg_dump(find_pg_dump(16).path, used(connection))
        next(blocks)
        with psycopg.connect(cluster_for(16).url(), autocommit=True) as other:
            ended = other.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE datname = %s AND application_name = 'pg_dump'",
                (name,),
            ).fetchall()
        assert ended == [(True,)]
        with pytest.raises(TargetUnfit, match=f"pg_dump of {name} ended with exit status 1"):
            for _ in blocks:
                pass


def test_whoever_stops_early_leaves_no_program_behind(locked: str) -> None:
    with psycopg.connect(locked) as connection:
        descriptors = set(Path("/proc/self/fd").iterdir())
        blocks = pg_dump(find_pg_dump(16).path, used(connection))
        next(blocks)
        blocks.close()  # type: ignore[attr-defined]
    assert not [one for one in psutil.Process().children() if "pg_dump" in " ".join(one.cmdline())]
    assert set(Path("/proc/self/fd").iterdir()) <= descriptors
    assert "dmrefresh-feeder" not in {thread.name for thread in threading.enumerate()}


def test_the_program_of_the_servers_version_is_taken_or_the_next_newer() -> None:
    majors = [one.major for one in programs("pg_dump")]
    assert majors == sorted(majors)
    assert {16, 18} <= set(majors)
    assert find_pg_dump(16).major == 16
    assert find_pg_dump(17).major == 18


def test_where_none_is_new_enough_it_is_said_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(UsageFailure, match=r"PostgreSQL 99 or newer is needed, and on this machine there is .*18"):
        find_pg_dump(99)
    with pytest.raises(UsageFailure, match="there is none"):
        find_pg_dump(16, tmp_path / "pg_dump")


@pytest.mark.parametrize("value", [" blank", "blank ", "two\nlines"])
def test_what_cannot_be_told_to_it_is_refused_without_being_shown(value: str) -> None:
    with pytest.raises(UsageFailure, match="cannot be told a password") as caught:
        list(pg_dump(find_pg_dump(16).path, {"password": value}))
    assert "blank" not in str(caught.value).replace("in a blank", "")
    assert "two" not in str(caught.value)


@pytest.mark.parametrize("major", installed_majors())
def test_the_servers_own_program_takes_what_it_is_told(major: int, cluster_for: Callable[[int], Cluster]) -> None:
    with psycopg.connect(cluster_for(major).url()) as connection:
        program = find_pg_dump(major)
        assert program.major >= major
        *_, end = read_dump(pg_dump(program.path, used(connection)))
    assert isinstance(end, End)
