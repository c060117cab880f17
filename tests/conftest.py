"""The real parts, each started when a test first asks for it and stopped at the end of the session."""

from __future__ import annotations

import os
import sysconfig
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import hypothesis
import psutil
import psycopg
import pytest
from psycopg import sql

from dmrefresh.machine import signals
from fixtures.parts.gnupg import gpg
from fixtures.parts.postgres import Cluster
from fixtures.parts.seaweedfs import ObjectStore
from fixtures.parts.secrets import Credentials, make_credentials
from tests.proof import Proof

_OURS_TO_SET = ("AWS_", "DM", "GNUPGHOME", "PG", "SOPS_", "XDG_")
_GRACE = 5.0
"""Seconds that a process told to end gets for it."""


# How long an example takes says something about the machine, and nothing about the code.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


@pytest.fixture(scope="session", autouse=True)
def _clean_surroundings() -> Iterator[None]:
    """An empty home, the venv's programs on the PATH, no settings of the developer; nothing running after."""
    with (
        pytest.MonkeyPatch.context() as patch,
        tempfile.TemporaryDirectory(prefix="dmr-home-", ignore_cleanup_errors=True) as home,
        # Keyrings of these tests alone, so that two runs on one machine do not see each other's.
        tempfile.TemporaryDirectory(prefix="dmr-", dir="/dev/shm", ignore_cleanup_errors=True) as memory,
    ):
        for name in list(os.environ):
            if name.startswith(_OURS_TO_SET):
                patch.delenv(name)
        patch.setenv("HOME", home)
        patch.setenv("XDG_RUNTIME_DIR", memory)
        patch.setenv("PATH", f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ['PATH']}")
        patch.setenv("NO_PROXY", "127.0.0.1,localhost")
        before = set(psutil.pids())
        yield
        left = _left_behind(home, memory, before)
        _, left = psutil.wait_procs(left, timeout=_GRACE)
        assert not left, f"left running: {[_name(process) for process in left]}"


def _left_behind(home: str, memory: str, before: set[int]) -> list[psutil.Process]:
    """Our children, and those that cut themselves loose but still have our HOME, or are an agent of ours."""
    found = set(psutil.Process().children(recursive=True))
    for process in psutil.process_iter():
        try:
            if process.environ().get("HOME") == home and process.pid != os.getpid():
                found.add(process)
        except psutil.AccessDenied:
            if process.pid not in before and _is_an_agent_of_ours(process, memory):
                found.add(process)
        except psutil.NoSuchProcess:
            continue
    return [process for process in found if _alive(process)]


def _is_an_agent_of_ours(process: psutil.Process, memory: str) -> bool:
    """GnuPG's agent hides its environment; ours have a home in the memory of this very session."""
    try:
        if process.uids().real != os.getuid():
            return False
        arguments = process.cmdline()
    except psutil.Error:
        return False
    return "--homedir" in arguments and arguments[arguments.index("--homedir") + 1].startswith(memory)


def _alive(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _name(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline()[:6])
    except psutil.Error:
        return str(process.pid)


@pytest.fixture(autouse=True)
def _signals_are_heard() -> Iterator[None]:
    """A run ignores signals once it has committed, and on its way out; the next test is another run."""
    yield
    signals._State.held, signals._State.missed = False, None
    signals.go_on()


@pytest.fixture(scope="session", autouse=True)
def _gnupg() -> None:
    """Without GnuPG nothing can be tested; the failure says what to install."""
    gpg()


@pytest.fixture(scope="session")
def cluster_for(_clean_surroundings: None) -> Iterator[Callable[[int], Cluster]]:
    """The running cluster of a major version: `cluster_for(18)`; see `installed_majors`."""
    running: dict[int, Cluster] = {}

    def one(major: int) -> Cluster:
        if major not in running:
            running[major] = Cluster(major).__enter__()
        return running[major]

    try:
        yield one
    finally:
        for cluster in running.values():
            cluster.close()


@pytest.fixture(scope="session")
def postgres_url(cluster_for: Callable[[int], Cluster]) -> str:
    """The superuser's URL of the maintenance database of a PostgreSQL 16."""
    return cluster_for(16).url()


@pytest.fixture
def database_url(postgres_url: str) -> Iterator[str]:
    """The superuser's URL of an empty database which only this test uses."""
    name = f"test_{uuid4().hex}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield postgres_url.rpartition("/")[0] + f"/{name}"
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def object_store(_clean_surroundings: None) -> Iterator[ObjectStore]:
    """A running S3 store with one bucket, from which its jobs cannot delete."""
    with ObjectStore() as store:
        yield store


@pytest.fixture(scope="session")
def credentials(_gnupg: None, tmp_path_factory: pytest.TempPathFactory) -> Credentials:
    """A credentials repository; its RSA key is a smaller one than production's, to be made quickly."""
    folder: Path = tmp_path_factory.mktemp("credentials")
    return make_credentials(folder, bits=2048)


@pytest.fixture
def proof(request: pytest.FixtureRequest) -> Proof:
    """What every run of the command is held to."""
    assert isinstance(request.node, pytest.Item)
    return Proof(request.node)
