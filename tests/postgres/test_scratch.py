"""A scratch database is empty, ours alone, and gone afterwards; nobody else's goes with it, and production is none."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from dmrefresh.errors import Failure, RightsMissing, TargetUnfit, UsageFailure
from dmrefresh.observer import Observer
from dmrefresh.postgres import Connection
from dmrefresh.postgres import embedded as embedding
from dmrefresh.postgres import guard as guarding
from dmrefresh.postgres import scratch as scratching
from dmrefresh.postgres.embedded import embedded
from dmrefresh.postgres.guard import Guard
from dmrefresh.postgres.scratch import is_elsewhere, look, scratch
from dmrefresh.settings.model import Production
from fixtures.parts.postgres import Cluster
from tests.dump.writing import ROWS, USERS, a_dump
from tests.postgres.databases import Database, refresh


@pytest.fixture
def server(cluster_for: Callable[[int], Cluster]) -> Iterator[tuple[Cluster, str]]:
    """A server, and a role that may create databases and no more."""
    cluster, role = cluster_for(16), f"s{uuid4().hex[:12]}"
    run(cluster, f"CREATE ROLE {role} LOGIN CREATEDB")
    yield cluster, role
    for name in left(cluster, role):
        run(cluster, f'DROP DATABASE "{name}" WITH (FORCE)')


def run(cluster: Cluster, *statements: str, database: str = "postgres", user: str = "postgres") -> None:
    with psycopg.connect(cluster.url(database, user), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def left(cluster: Cluster, role: str) -> list[str]:
    with psycopg.connect(cluster.url()) as connection:
        asked = "SELECT datname FROM pg_database WHERE pg_get_userbyid(datdba) = %s"
        return [name for (name,) in connection.execute(asked, (role,))]


def test_a_named_servers_is_empty_and_nobody_elses_role_gets_in(server: tuple[Cluster, str]) -> None:
    cluster, role = server
    other = f"o{uuid4().hex[:12]}"
    run(cluster, f"CREATE ROLE {other} LOGIN")
    with scratch(cluster.url("postgres", role), 16, Guard(), Observer()) as url:
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)
            name = connection.info.dbname
        with pytest.raises(psycopg.OperationalError, match="permission denied"):
            psycopg.connect(cluster.url(name, other))
    assert left(cluster, role) == []


def test_another_run_does_not_drop_one_that_is_in_use_whichever_database_it_starts_from(
    server: tuple[Cluster, str],
) -> None:
    cluster, role = server
    run(cluster, "CREATE DATABASE elsewhere", user=role)
    with scratch(cluster.url("postgres", role), 16, Guard(), Observer()) as url:
        with scratch(cluster.url("elsewhere", role), 16, Guard(), Observer()):
            assert len(left(cluster, role)) == 3
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    assert left(cluster, role) == ["elsewhere"]


def test_another_run_does_not_drop_one_that_is_being_made_whichever_database_it_starts_from(
    server: tuple[Cluster, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, role = server
    run(cluster, "CREATE DATABASE elsewhere", user=role)
    create, others = scratching._create, ["elsewhere", "postgres"]

    def create_and_be_slow(connection: Connection, name: str) -> None:
        create(connection, name)
        if others:
            with scratch(cluster.url(others.pop(), role), 16, Guard(), Observer()):
                pass

    monkeypatch.setattr(scratching, "_create", create_and_be_slow)
    with scratch(cluster.url("postgres", role), 16, Guard(), Observer()) as url, psycopg.connect(url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert others == []
    assert left(cluster, role) == ["elsewhere"]


MARK = "dmrefresh: sanitised rows for a moment, dropped by the next run if it was broken off"


def test_what_a_killed_run_has_left_goes_and_nothing_else_of_that_name(server: tuple[Cluster, str]) -> None:
    cluster, role = server
    for name in ("marked", "unmarked", "half"):
        run(cluster, f"CREATE DATABASE dmrefresh_scratch_{name}", user=role)
    run(cluster, f"COMMENT ON DATABASE dmrefresh_scratch_marked IS '{MARK}'")
    run(cluster, "ALTER DATABASE dmrefresh_scratch_half ALLOW_CONNECTIONS false")
    with scratch(cluster.url("postgres", role), 16, Guard(), Observer()):
        assert "dmrefresh_scratch_marked" not in left(cluster, role)
    assert left(cluster, role) == ["dmrefresh_scratch_unmarked"]


def test_what_is_only_dumped_and_dropped_is_not_analysed(database: Callable[[int], Database]) -> None:
    target = database(16)
    refresh(a_dump(USERS, ROWS), target, strategy="scratch")
    assert target.run("SELECT reltuples, (SELECT count(*) FROM users) FROM pg_class WHERE relname = 'users'") == [
        (-1, 2)
    ]


class Hearing(Observer):
    def __init__(self) -> None:
        self.said: list[str] = []

    def warn(self, message: str) -> None:
        self.said.append(message)


def test_one_whose_session_was_lost_is_dropped_by_another_session(server: tuple[Cluster, str]) -> None:
    cluster, role = server
    hearing = Hearing()
    with scratch(cluster.url("postgres", role), 16, Guard(), hearing):
        run(cluster, f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = '{role}'")
    assert left(cluster, role) == []
    assert hearing.said == []


def test_one_that_cannot_be_dropped_is_said(server: tuple[Cluster, str]) -> None:
    cluster, role = server
    hearing = Hearing()
    with scratch(cluster.url("postgres", role), 16, Guard(), hearing):
        run(cluster, f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = '{role}'")
        run(cluster, f"ALTER ROLE {role} NOLOGIN")
    run(cluster, f"ALTER ROLE {role} LOGIN")
    (one,) = hearing.said
    assert "could not be dropped" in one
    with scratch(cluster.url("postgres", role), 16, Guard(), Observer()):
        pass
    assert left(cluster, role) == []


def test_production_is_no_scratch_server_by_its_mark_its_name_or_its_host(server: tuple[Cluster, str]) -> None:
    cluster, role = server
    run(cluster, f"CREATE DATABASE {role} OWNER {role}")
    url = cluster.url(role, role)
    refusing = [
        Guard(Production(databases=(role,))),
        Guard(Production(hosts=("127.0.0.0/8",))),
    ]
    for one in refusing:
        with pytest.raises(TargetUnfit), scratch(url, 16, one, Observer()):
            pytest.fail("it was taken")
        with pytest.raises(TargetUnfit):
            look(url, one)
    with psycopg.connect(url, autocommit=True) as connection:
        guarding.protect(connection)
    with pytest.raises(TargetUnfit, match="marked as production"), scratch(url, 16, Guard(), Observer()):
        pytest.fail("it was taken")
    assert left(cluster, role) == [role]


def test_a_superuser_and_a_role_without_the_right_are_told_what_to_do(server: tuple[Cluster, str]) -> None:
    cluster, role = server
    with pytest.raises(RightsMissing, match="superuser") as caught:
        look(cluster.url(), Guard())
    assert "CREATEDB" in str(caught.value.hint)
    run(cluster, f"ALTER ROLE {role} NOCREATEDB")
    with pytest.raises(RightsMissing) as caught, scratch(cluster.url("postgres", role), 16, Guard(), Observer()):
        pytest.fail("it was made")
    assert f"ALTER ROLE {role} CREATEDB" in str(caught.value.hint)


def test_what_is_neither_embedded_nor_a_url_is_a_matter_of_the_settings() -> None:
    with pytest.raises(UsageFailure, match="scratch server"):
        look("embeded", Guard())
    with pytest.raises(UsageFailure, match="scratch server"):
        is_elsewhere("embeded")
    assert not is_elsewhere("embedded")
    assert not is_elsewhere("postgresql://x@127.0.0.1/x")
    assert is_elsewhere("postgresql://x@db.example.org/x")


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch, cluster_for: Callable[[int], Cluster]) -> Iterator[Path]:
    """The folder for temporary files: of a short name, which any account may enter."""
    for major in (16, 18):
        cluster_for(major)  # else a cluster that begins here would lose its folder with this one
    folder = Path("/tmp") / f"dmr-{uuid4().hex[:8]}"
    folder.mkdir(mode=0o711)
    folder.chmod(0o711)
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    yield folder
    shutil.rmtree(folder)


def reachable(cluster: Cluster) -> Path:
    return cluster.bin("postgres")


def test_the_embedded_server_is_ours_alone_and_nothing_of_it_stays(
    place: Path, cluster_for: Callable[[int], Cluster]
) -> None:
    with embedded(16, reachable(cluster_for(16))) as url:
        with psycopg.connect(url) as connection:
            row = connection.execute(
                "SELECT current_setting('is_superuser'), current_setting('listen_addresses'), "
                "(SELECT count(*) FROM pg_tables WHERE schemaname = 'public')"
            ).fetchone()
            assert row == ("off", "", 0)
        assert psycopg.connect(url, user="postgres").close() is None  # type: ignore[func-returns-value]
        home = Path(str(conninfo_to_dict(url)["host"]))
        assert home.stat().st_mode & 0o077 == 0
        assert len(list(place.iterdir())) == 1
        if os.geteuid() == 0:
            _refused_to_others(url, home)
    assert list(place.iterdir()) == []


def _refused_to_others(url: str, home: Path) -> None:
    """The account that the server runs as can reach its socket, and is nobody there; others cannot reach it."""
    code = "import sys, psycopg; psycopg.connect(sys.argv[1])"
    server = home.stat().st_uid
    for uid, says in ((server, "Peer authentication failed"), (54321, "Permission denied")):
        argv = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", sys.executable, "-c", code]
        for user in ("postgres", "dmrefresh"):
            done = subprocess.run([*argv, f"{url} user={user}"], capture_output=True, text=True, check=False, cwd="/")
            assert done.returncode != 0
            assert says in done.stderr, done.stderr


def test_a_server_of_the_dumps_version_is_taken_or_the_next_newer(
    place: Path, cluster_for: Callable[[int], Cluster]
) -> None:
    with embedded(99, reachable(cluster_for(18))) as url, psycopg.connect(url) as connection:
        assert connection.info.server_version // 10000 == 18


def test_without_a_server_it_is_said_how_to_get_one(place: Path) -> None:
    with pytest.raises(UsageFailure) as caught, embedded(16, place / "postgres"):
        pytest.fail("it runs")
    assert "dmrefresh[embedded]" in str(caught.value.hint)


def test_a_server_that_can_make_no_database_is_a_failure_of_its_kind_and_goes(
    place: Path, cluster_for: Callable[[int], Cluster], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(embedding._SETTINGS, "statement_timeout", "5ms")  # which is longer than it takes to make a role
    with pytest.raises(TargetUnfit, match="The embedded server"), embedded(16, reachable(cluster_for(16))):
        pytest.fail("it was made")
    assert list(place.iterdir()) == []


def test_a_failure_inside_leaves_nothing_either(place: Path, cluster_for: Callable[[int], Cluster]) -> None:
    with pytest.raises(Failure), embedded(16, reachable(cluster_for(16))):
        raise Failure("something")
    assert list(place.iterdir()) == []
