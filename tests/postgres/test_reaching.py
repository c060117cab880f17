"""A target is found where the settings say it is, over a tunnel too, and a tunnel never outlives its use."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from dmrefresh.errors import Failure, TargetUnfit, TargetUnreachable, UsageFailure
from dmrefresh.machine import signals
from dmrefresh.observer import Observer
from dmrefresh.postgres.guard import Guard
from dmrefresh.postgres.reach import connect, server_names
from dmrefresh.postgres.reach.conninfo import masked
from dmrefresh.postgres.reach.reaching import Reached, reached
from dmrefresh.settings.model import Production, Target
from fixtures.parts.postgres import Cluster, installed_majors
from tests import sshd
from tests.postgres.certificates import self_signed
from tests.postgres.databases import Database, dump_of, refresh
from tests.postgres.test_commit import SMALL, At

MakeDatabase = Callable[[int], Database]
SECRET = "hunter2"
FORWARDER = str(Path(__file__).with_name("forwarder.py"))
FORWARDING = (sys.executable, "-I", FORWARDER, "{port}", "{host}", "{hostport}")


@pytest.fixture
def target(database: MakeDatabase) -> Database:
    made = database(18)
    made.run(SMALL.format("old"))
    return made


@pytest.fixture
def dump(database: MakeDatabase, tmp_path: Path) -> bytes:
    source = database(18)
    source.run(SMALL.format("new"))
    return dump_of(source, tmp_path)


@pytest.fixture(scope="module")
def ssh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sshd.Sshd]:
    if sshd.PROGRAM is None:
        pytest.skip(sshd.MISSING)
    with sshd.Sshd(tmp_path_factory.mktemp("sshd")) as running:
        yield running


def asked(there: Reached) -> str:
    """The database that is reached."""
    with psycopg.connect(there.url) as connection:
        row = connection.execute("SELECT current_database()").fetchone()
    assert row is not None
    return str(row[0])


def python(code: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-I", "-c", code, *arguments)


def tunnels() -> list[psutil.Process]:
    """The forwarders that run below this process, those of a killed parent included."""
    found = []
    for process in psutil.process_iter():
        try:
            alive = process.status() != psutil.STATUS_ZOMBIE
            if alive and FORWARDER in process.cmdline() and process.uids().real == os.getuid():
                found.append(process)
        except psutil.Error:
            continue
    return found


def kill_the_tunnel() -> None:
    for process in tunnels():
        process.kill()


def refusal(target: Target, **more: Any) -> Failure:
    """What is said about a target that cannot be reached; never a secret."""
    with pytest.raises(Failure) as caught, reached(target, "staging", **more):
        pass
    failure = caught.value
    assert SECRET not in f"{failure.what} {failure.hint} {failure!r}"
    assert "staging" in failure.what
    return failure


def test_a_url_is_reached_as_it_stands(target: Database) -> None:
    with reached(Target(url=target.url), "local") as there:
        assert asked(there) == target.name
        assert (there.remote, there.host) == (False, "127.0.0.1")


def test_what_is_reached_never_shows_its_password() -> None:
    with reached(Target(url=f"postgresql://app:{SECRET}@localhost/app"), "local") as there:
        assert SECRET in there.url
        assert SECRET not in repr(there)


@pytest.mark.parametrize(
    ("url", "remote", "host"),
    [
        ("postgresql://app@db.example.org/app", True, "db.example.org"),
        ("postgresql://app@192.0.2.1/app", True, "192.0.2.1"),
        ("postgresql://app@[::1]:6543/app", False, "::1"),
        ("postgresql:///app", False, "the local socket"),
        ("host=/run/postgresql dbname=app", False, "/run/postgresql"),
        ("host=localhost,db.example.org dbname=app", True, "localhost,db.example.org"),
        ("host=localhost hostaddr=192.0.2.1 dbname=app", True, "localhost"),
        ("host=127.0.0.1,127.1 hostaddr=127.0.0.1, port=1,2 dbname=app", True, "127.0.0.1,127.1"),
        ("host=db.example.org,localhost hostaddr=127.0.0.1, dbname=app", False, "db.example.org,localhost"),
        ("host=::ffff:127.0.0.1 dbname=app", False, "::ffff:127.0.0.1"),
    ],
)
def test_another_machine_is_told_from_this_one(url: str, remote: bool, host: str) -> None:
    with reached(Target(url=url), "x") as there:
        assert (there.remote, there.host) == (remote, host)


def test_a_host_that_only_the_environment_names_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHOST", "db.example.org")
    with reached(Target(url="postgresql:///app"), "x") as there:
        assert (there.remote, there.host) == (True, "db.example.org")


@pytest.mark.parametrize(
    "url", [f"postgresql://app:{SECRET}@[x/app", f"postgresql://app:{SECRET}@x/app?sslmode={SECRET}", SECRET]
)
def test_what_is_no_url_is_refused_without_being_quoted(url: str) -> None:
    assert isinstance(refusal(Target(url=url)), UsageFailure)


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://u:pa@{SECRET}@127.0.0.1:1/db",
        f"postgresql://u:pa@{SECRET}:1@127.0.0.1:1/db",
        f"postgresql://u:pa@ss/{SECRET}@127.0.0.1:1/db",
        f"postgresql://u:{SECRET}/ret@127.0.0.1:1/db",
        f"postgresql://u:{SECRET}@@127.0.0.1/db",
        f"dbname=postgresql://u:{SECRET}@h/db",
    ],
)
def test_a_password_that_is_not_percent_encoded_is_shown_nowhere(url: str) -> None:
    failure = refusal(Target(url=url))
    assert isinstance(failure, UsageFailure)
    assert "percent-encode" in (failure.hint or "")
    assert server_names.shown(url) == "(unreadable url)"
    assert masked(url) == "***"


@pytest.mark.parametrize(
    "argument",
    [
        "-L{port}:db.example.org:5432",
        "me@db.example.org",
        "--to=db.example.org",
        "-Jdb.example.org",
        "TCP:[::ffff:192.0.2.7]:5432",
        "ssh -L {port}:192.0.2.7:5432 jump",
    ],
)
def test_a_tunnel_whose_command_names_a_host_of_production_is_not_opened(tmp_path: Path, argument: str) -> None:
    guard = Guard(Production(hosts=("*.example.org", "192.0.2.7")))
    opened = tmp_path / "opened"
    target = Target(url="postgresql://app@harmless.invalid/app", tunnel=("touch", str(opened), argument, "{port}"))
    with pytest.raises(TargetUnfit), reached(target, "staging", allowed=guard.check_host):
        pass
    assert not opened.exists()


def test_a_service_is_found_in_the_service_file(
    target: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = conninfo_to_dict(target.url)
    keys = ("host", "port", "user", "dbname")
    here = "[here]\n" + "".join(f"{key}={parts[key]}\n" for key in keys)
    file = tmp_path / "services"
    file.write_text(f"{here}[far]\nhost=db.example.org\ndbname=app\npassword={SECRET}\nsslmode=verify-full\n")
    monkeypatch.setenv("PGSERVICEFILE", str(file))
    with reached(Target(service="here"), "local") as there:
        assert asked(there) == target.name
        assert (there.remote, there.host) == (False, "127.0.0.1")
    with reached(Target(service="far"), "staging") as there:
        assert (there.remote, there.host) == (True, "db.example.org")
        assert SECRET not in repr(there)
    failure = refusal(Target(service="absent"))
    assert isinstance(failure, UsageFailure)
    assert "PGSERVICEFILE" in (failure.hint or "")


def test_a_tunnel_leads_to_what_a_service_names(
    target: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = conninfo_to_dict(target.url)
    file = tmp_path / "services"
    file.write_text(f"[here]\nhost=127.0.0.1\nport={parts['port']}\nuser={target.name}\ndbname={target.name}\n")
    monkeypatch.setenv("PGSERVICEFILE", str(file))
    with reached(Target(service="here", tunnel=FORWARDING), "local") as there:
        assert asked(there) == target.name
        assert conninfo_to_dict(there.url)["port"] != parts["port"]


def test_the_real_ssh_is_a_tunnel_through_which_a_target_is_refreshed(
    ssh: sshd.Sshd, target: Database, dump: bytes
) -> None:
    notes: list[str] = []

    class Noting(Observer):
        def note(self, message: str) -> None:
            notes.append(message)

    with reached(Target(url=target.url, tunnel=ssh.forwarding()), "staging", Noting()) as there:
        assert (there.remote, there.host) == (True, "127.0.0.1")
        assert f":{conninfo_to_dict(target.url)['port']}" not in there.url
        assert refresh(dump, target, url=there.url).rows == 1
    assert notes == ["a tunnel leads to 127.0.0.1"]
    assert target.run("SELECT name FROM person") == [("new",)]
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(there.url)


def test_a_key_that_ssh_does_not_take_ends_at_once(ssh: sshd.Sshd, target: Database) -> None:
    argv = [word if not word.endswith("/user") else "/dev/null" for word in ssh.forwarding()]
    failure = refusal(Target(url=target.url, tunnel=tuple(argv)))
    assert isinstance(failure, TargetUnreachable)
    assert "exit status 255" in failure.what


@pytest.mark.parametrize("ending", [None, ValueError, signals.Interrupted])
def test_a_tunnel_and_its_children_end_with_their_use(target: Database, ending: type[BaseException] | None) -> None:
    def use() -> None:
        with reached(Target(url=target.url, tunnel=FORWARDING), "local") as there:
            assert asked(there) == target.name
            assert len(tunnels()) == 2
            if ending is not None:
                raise ending(15)

    if ending is None:
        use()
    else:
        with pytest.raises(ending):
            use()
    assert tunnels() == []


def test_a_signal_in_the_middle_of_publishing_ends_the_tunnel_too(target: Database, dump: bytes) -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    signals.install()
    try:
        with (
            pytest.raises(signals.Interrupted),
            reached(Target(url=target.url, tunnel=FORWARDING), "local") as there,
        ):
            refresh(dump, target, url=there.url, observer=At("loaded", lambda: os.kill(os.getpid(), signal.SIGTERM)))
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert tunnels() == []
    assert target.run("SELECT name FROM person") == [("old",)]


@pytest.mark.parametrize("step", ["begun", "loaded", "checked"])
def test_a_tunnel_that_dies_while_publishing_is_named_and_leaves_the_old_data(
    target: Database, dump: bytes, step: str
) -> None:
    with (
        pytest.raises(TargetUnreachable) as caught,
        reached(Target(url=target.url, tunnel=FORWARDING), "local") as there,
    ):
        refresh(dump, target, url=there.url, observer=At(step, kill_the_tunnel))
    assert "The tunnel to it had ended by signal 9." in caught.value.what
    assert caught.value.retry
    assert tunnels() == []
    assert target.run("SELECT name FROM person") == [("old",)]


def test_a_tunnel_that_dies_at_the_commit_is_opened_again_to_ask_for_the_outcome(target: Database, dump: bytes) -> None:
    with (
        pytest.raises(TargetUnreachable) as caught,
        reached(Target(url=target.url, tunnel=FORWARDING), "local") as there,
    ):
        refresh(dump, target, url=there.url, observer=At("committing", kill_the_tunnel))
    assert "before the commit took effect" in caught.value.what
    assert target.run("SELECT name FROM person") == [("old",)]


def test_a_failure_that_is_not_the_tunnels_does_not_blame_it(target: Database) -> None:
    with (
        pytest.raises(TargetUnreachable) as caught,
        reached(Target(url=target.url, tunnel=FORWARDING), "local"),
    ):
        raise TargetUnreachable("Something else.")
    assert caught.value.what == "Something else."


def test_a_tunnel_that_ends_early_fails_at_once(target: Database) -> None:
    failure = refusal(Target(url=target.url, tunnel=python("import sys; sys.exit(7)", SECRET, "{port}")))
    assert isinstance(failure, TargetUnreachable)
    assert "ended with exit status 7 before" in failure.what


def test_a_tunnel_that_is_not_installed_is_a_matter_of_the_settings(target: Database) -> None:
    assert isinstance(refusal(Target(url=target.url, tunnel=("no-such-program", "{port}"))), UsageFailure)


@pytest.mark.parametrize(
    "code",
    [
        "import time; time.sleep(600)",
        "import socket, sys\ns = socket.create_server(('127.0.0.1', int(sys.argv[1])))\n"
        "while True: s.accept()[0].sendall(b'HTTP/1.1 400 Bad Request\\r\\n')",
    ],
    ids=["never listens", "no PostgreSQL"],
)
def test_a_tunnel_through_which_no_postgresql_answers_is_given_up(target: Database, code: str) -> None:
    failure = refusal(Target(url=target.url, tunnel=python(code, "{port}")), patience=1.0)
    assert isinstance(failure, TargetUnreachable)
    assert "No PostgreSQL answered" in failure.what


@pytest.mark.parametrize(
    "url", ["host=-oProxyCommand=x dbname=app", "host=a,b dbname=app", "host=/run/postgresql dbname=app"]
)
def test_a_tunnel_leads_to_one_named_server_or_nowhere(url: str) -> None:
    assert isinstance(refusal(Target(url=url, tunnel=FORWARDING)), UsageFailure)


def test_the_commands_of_a_target_see_their_own_part_of_the_environment(
    target: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOPS_AGE_KEY", SECRET)
    for name in ("SSH_AUTH_SOCK", "CF_HOME", "KUBECONFIG"):
        monkeypatch.setenv(name, "/somewhere")
    code = "import os, sys; open(sys.argv[1], 'w').write(' '.join(os.environ)); sys.exit(1)"
    refusal(Target(url=target.url, tunnel=python(code, str(tmp_path / "seen"), "{port}")))
    seen = set((tmp_path / "seen").read_text().split())
    assert {"PATH", "HOME", "SSH_AUTH_SOCK", "CF_HOME", "KUBECONFIG"} <= seen
    assert "SOPS_AGE_KEY" not in seen


@pytest.mark.skipif(15 not in installed_majors(), reason="only the system's PostgreSQL 15 knows TLS")
def test_a_certificate_is_checked_against_the_servers_own_name_through_a_tunnel(
    certified: tuple[Cluster, Path],
) -> None:
    cluster, authority = certified
    # The name leads nowhere from here: only the far end of a tunnel knows it.
    argv = (sys.executable, "-I", FORWARDER, "{port}", "127.0.0.1", str(cluster.port))
    url = "postgresql://postgres@{}/postgres?sslmode=verify-full&sslrootcert=" + str(authority)
    with (
        reached(Target(url=url.format("db.example.invalid"), tunnel=argv), "staging") as there,
        psycopg.connect(there.url) as connection,
    ):
        assert connection.pgconn.ssl_in_use
    with (
        reached(Target(url=url.format("other.example.invalid"), tunnel=argv), "staging") as there,
        pytest.raises(psycopg.OperationalError, match="does not match host name"),
    ):
        psycopg.connect(there.url)


@pytest.fixture
def certified(tmp_path: Path) -> Iterator[tuple[Cluster, Path]]:
    """A server with a certificate for db.example.invalid, and the file of who signed it."""
    with self_signed("db.example.invalid") as (certificate, settings), Cluster(15, settings=settings) as cluster:
        yield cluster, certificate


def vcap(*services: dict[str, Any], label: str = "postgres") -> dict[str, Any]:
    return {label: list(services)}


def bound(service: str, /, **credentials: Any) -> dict[str, Any]:
    return {"name": service, "label": "postgres", "tags": ["relational"], "credentials": credentials}


PIECES = {"host": "db.example.org", "port": 6543, "username": "u", "password": SECRET, "name": "d"}
URI = f"postgres://u:{SECRET}@db.example.org:6543/d"
APP = {"system_env_json": {"VCAP_SERVICES": vcap(bound("db", uri=URI))}, "staging_env_json": {}}
TEXT = (
    f"Getting env…\nSystem-Provided:\nVCAP_SERVICES: {json.dumps(vcap(bound('db', uri=URI)))}\n\nVCAP_APPLICATION: {{}}"
)


@pytest.mark.parametrize(
    "printed",
    [
        json.dumps(vcap(bound("db", uri=URI))),
        json.dumps(vcap(bound("db", url=URI))),
        json.dumps(vcap(bound("db", **PIECES))),
        json.dumps(vcap(bound("db", uri=URI + "?reconnect=true", **PIECES))),
        json.dumps(vcap(bound("db", uri=URI.replace("@", "@2@"), **PIECES))),
        json.dumps({"VCAP_SERVICES": vcap(bound("db", uri=URI))}),
        json.dumps({"VCAP_SERVICES": json.dumps(vcap(bound("db", uri=URI)))}),
        json.dumps(APP),
        TEXT,
    ],
    ids=[
        "uri",
        "url",
        "pieces",
        "uri that libpq refuses",
        "uri misread",
        "wrapped",
        "as a string",
        "cf curl",
        "cf env",
    ],
)
@pytest.mark.parametrize("service", ["db", "*"])
def test_a_bound_service_is_found_in_every_form_it_is_told_in(
    printed: str, service: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def check(target: Target) -> None:
        with reached(target, "staging") as there:
            parts = conninfo_to_dict(there.url)
            found = [parts[key] for key in ("host", "port", "user", "password", "dbname")]
            assert found == ["db.example.org", "6543", "u", SECRET, "d"]
            assert there.remote

    file = tmp_path / "printed"
    file.write_text(printed)
    check(Target(vcap=service, vcap_command=("cat", str(file))))
    monkeypatch.setenv("VCAP_SERVICES", printed)
    check(Target(vcap=service))


def test_of_several_services_the_named_one_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    other = {**bound("cache", uri="redis://x"), "label": "redis"}
    two = [bound("one", **PIECES), bound("two", **{**PIECES, "host": "two.example.org"})]
    monkeypatch.setenv("VCAP_SERVICES", json.dumps({"postgres": two, "redis": [other]}))
    with reached(Target(vcap="two"), "staging") as there:
        assert there.host == "two.example.org"
    assert "(one, two)" in refusal(Target(vcap="*")).what
    assert "(bound: cache, one, two)" in refusal(Target(vcap="three")).what


@pytest.mark.parametrize(
    "printed",
    [
        "",
        "not JSON " + SECRET,
        json.dumps([SECRET]),
        json.dumps({"errors": [{"title": SECRET}]}),
        json.dumps({"system_env_json": SECRET}),
        json.dumps({"system_env_json": {}}),
        "VCAP_SERVICES: {" + SECRET,
        json.dumps(vcap(bound("db", password=SECRET))),
        json.dumps(vcap({"name": "db", "credentials": SECRET})),
        json.dumps({"postgres": [SECRET]}),
    ],
)
def test_what_holds_no_credentials_is_refused_without_being_quoted(printed: str, tmp_path: Path) -> None:
    file = tmp_path / "printed"
    file.write_text(printed)
    assert isinstance(refusal(Target(vcap="db", vcap_command=("cat", str(file)))), UsageFailure)


def test_without_the_variable_it_is_said_what_is_missing() -> None:
    with pytest.raises(UsageFailure, match="no VCAP_SERVICES in the environment"), reached(Target(vcap="db"), "x"):
        pass


def test_a_command_that_fails_is_named_by_its_exit_status_alone() -> None:
    failing = python(f"import sys; print('{SECRET}'); print('{SECRET}', file=sys.stderr); sys.exit(5)")
    failure = refusal(Target(vcap="db", vcap_command=failing))
    assert isinstance(failure, TargetUnreachable)
    assert "exit status 5" in failure.what
    assert isinstance(refusal(Target(vcap="db", vcap_command=("no-such-program",))), UsageFailure)


def test_what_a_server_refuses_for_good_is_told_as_it_is_and_not_asked_for_again(
    cluster_for: Callable[[int], Cluster],
) -> None:
    cluster, name = cluster_for(16), "refused_for_good"
    role = cluster.create_role_and_database(name, name)
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}_closed".encode())
        connection.execute(f"REVOKE CONNECT ON DATABASE {name}_closed FROM PUBLIC".encode())
        connection.execute(f"CREATE ROLE {name}_group NOLOGIN".encode())
    for url, what, hint in (
        (cluster.url("no_such", role.name), "knows no such database", "createdb"),
        (cluster.url(role.database, "no_such"), "knows no such role", "CREATE ROLE"),
        (cluster.url(f"{name}_closed", role.name), "does not let this role in", "GRANT CONNECT"),
        (cluster.url(role.database, f"{name}_group"), "does not let this role in", "LOGIN"),
    ):
        with pytest.raises(TargetUnreachable, match=what) as caught, connect.session(url):
            pass
        assert not caught.value.retry
        assert hint in caught.value.advice


TLS_ONLY = b'connection failed: no pg_hba.conf entry for host "127.0.0.1", user "u", database "d", no encryption'


@pytest.mark.parametrize(
    ("first", "retry", "hint"),
    [
        (b'FATAL:  password authentication failed for user "u"', False, "is the password right"),
        (b"FATAL:  the database system is starting up", True, "is it starting"),
        (b"FATAL:  remaining connection slots are reserved", True, "is it starting"),
        (b'FATAL:  database "d" does not exist', False, "createdb"),
        (b"", False, "GRANT CONNECT"),
    ],
)
def test_of_two_answers_of_a_server_that_wants_tls_the_first_one_counts(first: bytes, retry: bool, hint: str) -> None:
    said = b"\n".join(filter(None, [first, TLS_ONLY.replace(b"failed: ", b"failed: FATAL:  ")]))

    class Refused(psycopg.OperationalError):
        pgconn = SimpleNamespace(error_message=said, needs_password=False, used_password=False)  # type: ignore[assignment]

    found = connect._kept_out("The target d", Refused())
    assert (found.retry, hint in found.advice) == (retry, True), found.advice


def test_a_password_that_is_missing_or_wrong_is_told_from_a_server_that_is_down(
    cluster_for: Callable[[int], Cluster],
) -> None:
    cluster, name = cluster_for(18), "kept_out"
    role = cluster.create_role_and_database(name, name)
    rules = cluster.data_directory / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text(f"host {name} {name} 127.0.0.1/32 scram-sha-256\n{before}")
    try:
        with psycopg.connect(cluster.url(), autocommit=True) as connection:
            connection.execute(f"ALTER ROLE {name} PASSWORD '{SECRET}'".encode())
            connection.execute("SELECT pg_reload_conf()")
        url = cluster.url(role.database, role.name)
        with (
            pytest.raises(TargetUnreachable, match="wants a password, and none was given") as missing,
            connect.session(url),
        ):
            pass
        assert not missing.value.retry
        wrong = url.replace("@", ":false@")
        with (
            pytest.raises(TargetUnreachable, match="answers, and does not let this role in") as caught,
            connect.session(wrong),
        ):
            pass
        assert "is the password right" in str(caught.value.hint)
        assert not caught.value.retry
        with connect.session(url.replace("@", f":{SECRET}@")):
            pass
        down = f"postgresql://{name}:{SECRET}@127.0.0.1:1/{name}"
        with pytest.raises(TargetUnreachable, match="does not answer, or"), connect.session(down):
            pass
    finally:
        rules.write_text(before)
        with psycopg.connect(cluster.url(), autocommit=True) as connection:
            connection.execute("SELECT pg_reload_conf()")
