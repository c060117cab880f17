"""A dump is whole or it is a failure, and nobody else on the machine learns how to get in."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from dmrefresh.dump.events import End
from dmrefresh.dump.reader import read_dump
from dmrefresh.errors import Failure, RightsMissing, TargetUnfit, TargetUnreachable, UsageFailure
from dmrefresh.machine.postgres_programs import find_pg_dump, programs
from dmrefresh.postgres.reach.conninfo import used
from dmrefresh.stages.pg_dump import pg_dump
from dmrefresh.stages.pg_dump_end import judge_end
from fixtures.parts.postgres import Cluster, installed_majors
from tests.children import children

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


@pytest.mark.fault("L1", "L2")
def test_a_dump_of_a_database_with_a_password_is_whole_and_the_password_is_nowhere(locked: str) -> None:
    with psycopg.connect(locked) as connection:
        assert connection.info.password == SECRET
        blocks = pg_dump(find_pg_dump(16).path, used(connection), ["--no-owner"])
        text = next(blocks)
        (child,) = [one for one, _, arguments in children() if "pg_dump" in " ".join(arguments)]
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
        with pytest.raises(TargetUnreachable, match=f"pg_dump lost its connection to {name}") as caught:
            for _ in blocks:
                pass
        assert caught.value.retry


def test_a_program_that_is_killed_is_a_failure(locked: str) -> None:
    with psycopg.connect(locked) as connection:
        blocks = pg_dump(find_pg_dump(16).path, used(connection))
        next(blocks)
        (child,) = [one for one, _, arguments in children() if "pg_dump" in " ".join(arguments)]
        child.kill()
        with pytest.raises(TargetUnfit, match="was ended by SIGKILL before it was done"):
            for _ in blocks:
                pass


@pytest.fixture
def owned(cluster_for: Callable[[int], Cluster]) -> Iterator[Callable[[int], tuple[str, psycopg.Connection]]]:
    """A database of a plain role on a server, by its URL, and the superuser's session in it."""
    with ExitStack() as stack:

        def make(major: int) -> tuple[str, psycopg.Connection]:
            cluster, name = cluster_for(major), f"p{uuid4().hex[:12]}"
            cluster.create_role_and_database(name, name)
            superuser = psycopg.connect(f"{cluster.url().rpartition('/')[0]}/{name}", autocommit=True)
            return cluster.url(name, name), stack.enter_context(superuser)

        yield make


def failure_of(url: str, *options: str, program: int | None = None) -> Failure:
    with psycopg.connect(url) as connection:
        major = program or connection.info.server_version // 10000
        blocks = pg_dump(find_pg_dump(major).path, used(connection), options)
        with pytest.raises(Failure) as caught:
            list(blocks)
    return caught.value


@pytest.mark.parametrize("major", installed_majors())
def test_what_the_role_may_not_read_is_named(
    major: int, owned: Callable[[int], tuple[str, psycopg.Connection]]
) -> None:
    url, superuser = owned(major)
    name = superuser.info.dbname
    for made, told in [
        ('TABLE "we ird" (a int)', "table we ird"),
        ("SEQUENCE counter", 'sequence "?counter"?'),
        ("SCHEMA closed", "schema closed"),
    ]:
        superuser.execute(f"CREATE {made}".encode())
        if "SCHEMA" in made:
            superuser.execute(f"CREATE TABLE closed.t (); GRANT SELECT ON closed.t TO {name}".encode())
        failure = failure_of(url)
        assert isinstance(failure, RightsMissing)
        assert re.fullmatch(f"pg_dump may not read {told} of {name}.", failure.what)
        superuser.execute(f"DROP {made.partition('(')[0]} CASCADE".encode())
    superuser.execute("SELECT lo_from_bytea(4711, 'canary')")
    superuser.execute(f"GRANT pg_read_all_data TO {name}".encode())
    failure = failure_of(url)
    assert isinstance(failure, RightsMissing)
    assert failure.what == f"pg_dump may not read large object 4711 of {name}."
    assert "pg_read_all_data" not in str(failure.hint)


@pytest.mark.parametrize("major", installed_majors())
def test_rows_that_are_hidden_from_the_role_are_told(
    major: int, owned: Callable[[int], tuple[str, psycopg.Connection]]
) -> None:
    url, superuser = owned(major)
    name = superuser.info.dbname
    superuser.execute(f"CREATE TABLE p (a int); GRANT SELECT ON p TO {name}".encode())
    superuser.execute("ALTER TABLE p ENABLE ROW LEVEL SECURITY")
    failure = failure_of(url)
    assert isinstance(failure, RightsMissing)
    assert f"every row of the table p of {name}" in failure.what


@pytest.mark.parametrize("major", installed_majors())
def test_a_snapshot_that_is_gone_may_be_there_the_next_time(
    major: int, owned: Callable[[int], tuple[str, psycopg.Connection]]
) -> None:
    url, _ = owned(major)
    failure = failure_of(url, "--snapshot=00000003-0000001B-1")
    assert isinstance(failure, TargetUnreachable)
    assert "The snapshot of" in failure.what


@pytest.mark.parametrize("major", installed_majors())
@pytest.mark.parametrize("how", ["pg_cancel_backend", "pg_terminate_backend"])
def test_whatever_the_server_does_to_the_session_may_heal(
    major: int, how: str, owned: Callable[[int], tuple[str, psycopg.Connection]]
) -> None:
    url, superuser = owned(major)
    name = superuser.info.dbname
    superuser.execute("CREATE TABLE t AS SELECT n, repeat('x', 200) AS x FROM generate_series(1, 60000) n")
    superuser.execute(f"GRANT SELECT ON t TO {name}".encode())
    with psycopg.connect(url) as connection:
        blocks = pg_dump(find_pg_dump(major).path, used(connection))
    next(blocks)
    found = "FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'pg_dump'"
    superuser.execute(f"SELECT {how}(pid) {found}".encode())
    with pytest.raises(TargetUnreachable) as caught:
        list(blocks)
    assert caught.value.retry


def test_a_program_that_is_older_than_the_server_says_so(
    owned: Callable[[int], tuple[str, psycopg.Connection]],
) -> None:
    url, _ = owned(18)
    failure = failure_of(url, program=16)
    assert isinstance(failure, TargetUnfit)
    assert re.search(r"pg_dump 16\.\d+ cannot dump \w+, whose server is of PostgreSQL 18\.\d+", failure.what)


def test_a_server_that_is_not_there_may_be_the_next_time() -> None:
    with pytest.raises(TargetUnreachable, match="does not get to the database"):
        list(pg_dump(find_pg_dump(16).path, {"host": "127.0.0.1", "port": "1"}))


@pytest.mark.fault("L3")
def test_what_it_says_else_is_not_passed_on() -> None:
    for said in [
        'pg_dump: error: query failed: ERROR:  invalid input syntax for type integer: "canary"\n',
        "pg_dump: warning: permission denied for table canary\n",
        "NOTICE:  canary\npermission denied for table canary\n",
        "pg_dump: error: query failed: ERREUR:  droit refusé pour la table canary\n",
        "",
    ]:
        failure = judge_end("db", 1, said)
        assert failure is not None
        assert failure.what == "pg_dump of db ended with exit status 1."
        assert "canary" not in f"{failure.hint} {failure.state}"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("pg_dump: error: query failed: ERROR:  out of shared memory\nHINT:  x\n", "no room for the locks"),
        ("pg_dump: detail: Error message from server: ERROR:  out of memory\nDETAIL:  x\n", "ran out of memory"),
        ("pg_dump: error: out of memory\n", "ran out of memory"),
        (
            "pg_dump: error: query failed: SSL SYSCALL error: EOF detected\n"
            "pg_dump: detail: Query was: COPY public.t (a) TO stdout;\n",
            "lost its connection",
        ),
        (
            'pg_dump: error: Dumping the contents of table "big" failed: PQgetCopyData() failed.\n'
            "pg_dump: detail: Error message from server: server closed the connection unexpectedly\n",
            "lost its connection",
        ),
        (
            "FATAL:  terminating connection due to administrator command\npg_dump: error: could not do it\n",
            "lost its connection",
        ),
        (
            "pg_dump: error: x failed: FATAL:  terminating connection due to administrator command\n",
            "lost its connection",
        ),
        (
            "pg_dump: error: x failed: could not do it\n"
            "server closed the connection unexpectedly\n"
            "\tThis probably means the server terminated abnormally\n",
            "lost its connection",
        ),
    ],
)
def test_what_is_known_of_its_words_is_told_in_ours(said: str, told: str) -> None:
    assert told in str(judge_end("db", 1, said))


def test_whoever_stops_early_leaves_no_program_behind(locked: str) -> None:
    with psycopg.connect(locked) as connection:
        descriptors = set(Path("/proc/self/fd").iterdir())
        blocks = pg_dump(find_pg_dump(16).path, used(connection))
        next(blocks)
        blocks.close()  # type: ignore[attr-defined]
    assert not [one for one, _, arguments in children() if "pg_dump" in " ".join(arguments)]
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


@pytest.mark.fault("L1")
@pytest.mark.parametrize("value", [" blank", "blank ", "two\nlines", "long" * 300])
def test_what_cannot_be_told_to_it_is_refused_without_being_shown(value: str) -> None:
    with pytest.raises(UsageFailure, match="cannot be told a password") as caught:
        list(pg_dump(find_pg_dump(16).path, {"password": value}))
    assert "blank" not in str(caught.value).replace("in a blank", "")
    assert "two" not in str(caught.value)
    assert "longlong" not in str(caught.value)


@pytest.mark.parametrize("major", installed_majors())
def test_the_servers_own_program_takes_what_it_is_told(major: int, cluster_for: Callable[[int], Cluster]) -> None:
    with psycopg.connect(cluster_for(major).url()) as connection:
        program = find_pg_dump(major)
        assert program.major >= major
        *_, end = read_dump(pg_dump(program.path, used(connection)))
    assert isinstance(end, End)
