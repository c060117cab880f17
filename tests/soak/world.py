"""Real servers with a proxy before each, two targets with their applications, a bucket and keys."""

from __future__ import annotations

import contextlib
import gzip
import os
import shutil
import subprocess
import sysconfig
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import psycopg

from fixtures.parts.gnupg import gpg
from fixtures.parts.postgres import Cluster
from fixtures.parts.processes import environment
from fixtures.parts.seaweedfs import ObjectStore
from fixtures.parts.secrets import Credentials, keyring, make_credentials
from tests.jobs.scene import Scene
from tests.proxy import Proxy, faithful
from tests.soak.editions import LOOK, RULES, TABLES, fill, version_in, version_of
from tests.soak.sessions import WORKS, Session

TARGETS = ("schema", "database")
"""Each is refreshed by the strategy of its name."""
SOURCE = "production"
DEADLINE = "20 minutes"
"""Of every run; far more than it needs, on a busy machine too."""

_OURS_TO_SET = ("AWS_", "DM", "GNUPGHOME", "PG", "SOPS_", "XDG_")


@dataclass(frozen=True)
class State:
    """What a target holds: which very relations, which edition, and how many receipts."""

    identity: tuple[int, int]
    version: int
    receipts: int


@dataclass
class World:
    """All that runs.

    Attributes:
        folder: of the soak alone; the command's temporary files lie in it.
        source, target: the servers.
        store: the bucket.
        credentials: the keys.
        to_store, to_source, to_target: what the command goes through; nobody else does.
        opener: a GnuPG home with the private key, by which stored backups are opened without the command.
        sessions: the applications, by their target.
    """

    folder: Path
    source: Cluster
    target: Cluster
    store: ObjectStore
    credentials: Credentials
    to_store: Proxy
    to_source: Proxy
    to_target: Proxy
    opener: Path
    sessions: dict[str, list[Session]] = field(default_factory=dict)

    @property
    def temporary(self) -> Path:
        """The TMPDIR of every run."""
        return self.folder / "tmp"

    def scene(self, target: str) -> Scene:
        """The same as others know it."""
        return Scene(self.folder, self.store, self.credentials, self.target.url(target, target))

    def settings(self, stage: str) -> str:
        """The settings of a run; its stage is where its dumps come from, or go to."""
        through = {"schema": self.to_target, "database": self.to_target, SOURCE: self.to_source}
        url = {name: f"postgresql://{name}@127.0.0.1:{proxy.port}/{name}" for name, proxy in through.items()}
        targets = "".join(f'[targets.{one}]\nurl = "{url[one]}"\nstrategy = "{one}"\n' for one in TARGETS)
        return f"""
            [dumps]
            bucket = "{self.store.bucket}"
            endpoint_url = "http://127.0.0.1:{self.to_store.port}"
            stage = "{stage}"
            [keys]
            credentials_repo = "{self.credentials.repository}"
            [ruleset]
            path = "{self.folder / "rules.yaml"}"
            [job]
            deadline = "{DEADLINE}"
            first_wait = "1 second"
            [sources.{stage}]
            url = "{url[SOURCE]}"
            {targets}
        """

    def variables(self) -> dict[str, str]:
        """The environment of a run."""
        return os.environ | {
            "AWS_ACCESS_KEY_ID": self.store.jobs.access_key,
            "AWS_SECRET_ACCESS_KEY": self.store.jobs.secret_key,
            "SOPS_AGE_KEY_FILE": str(self.credentials.age_key_file),
            "TMPDIR": str(self.temporary),
        }

    def produce(self, version: int) -> None:
        """Let production come to its next edition."""
        with psycopg.connect(self.source.url(SOURCE, SOURCE)) as connection:
            fill(connection, version)

    def state(self, target: str) -> State:
        """What a target holds.

        Raises:
            NotWhole: it is not one whole edition.
        """
        with psycopg.connect(self.target.url(target, target), application_name="the soak") as connection:
            version = version_of(connection.execute(LOOK.encode()).fetchall())
            found = connection.execute(
                "SELECT 'edition'::regclass::oid::bigint, "
                "(SELECT oid::bigint FROM pg_database WHERE datname = current_database())"
            ).fetchone()
            assert found is not None
            receipts = 0
            if connection.execute("SELECT to_regclass('dmrefresh.receipts')").fetchone() != (None,):
                receipts = connection.execute("SELECT count(*) FROM dmrefresh.receipts").fetchall()[0][0]
        return State((found[0], found[1]), version, receipts)

    def version_stored(self, ciphertext: bytes) -> int:
        """Which edition a stored backup holds: gpg opens it, and every row is looked at.

        Raises:
            NotWhole: it is not the whole of one.
            ValueError: gpg or gzip does not open it.
        """
        said, here = os.pipe()
        os.write(here, self.credentials.passphrase.encode() + b"\n")
        os.close(here)
        argv = [gpg(), "--homedir", str(self.opener), "--no-options", "--batch", "--quiet"]
        argv += ["--pinentry-mode", "loopback", "--passphrase-fd", str(said), "--decrypt"]
        try:
            done = subprocess.run(
                argv, input=ciphertext, capture_output=True, env=environment(), check=False, pass_fds=(said,)
            )
        finally:
            os.close(said)
        if done.returncode:
            raise ValueError("gpg does not open it")
        try:
            text = gzip.decompress(done.stdout)
        except (OSError, EOFError):
            raise ValueError("gzip does not open it") from None
        return version_in(text)

    def quiet(self) -> None:
        """Nothing is changed by the proxies any more, and nothing is open that goes through them."""
        for proxy in (self.to_store, self.to_source, self.to_target):
            proxy.answer = proxy.question = faithful
            proxy.deaf = False
            proxy.cut()

    def restart(self, cluster: Cluster, mode: str) -> None:
        """Stop a server (`fast`, `immediate`, or `kill`) and start it again behind its proxy."""
        if mode == "kill":
            cluster.kill()
        else:
            cluster.stop(mode)
        cluster.start()
        proxy = self.to_source if cluster is self.source else self.to_target
        proxy.upstream = ("127.0.0.1", cluster.port)


@contextlib.contextmanager
def surroundings() -> Iterator[Path]:
    """A home, temporary files and memory for keys of our own; the folder that is all of it."""
    before = dict(os.environ)
    for name in list(os.environ):
        if name.startswith(_OURS_TO_SET):
            del os.environ[name]
    with (
        tempfile.TemporaryDirectory(prefix="dmr-soak-", ignore_cleanup_errors=True) as folder,
        tempfile.TemporaryDirectory(prefix="dmr-soak-", dir="/dev/shm", ignore_cleanup_errors=True) as memory,
    ):
        for name in ("home", "tmp", "said", "resident"):
            (Path(folder) / name).mkdir()
        path = f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ['PATH']}"
        os.environ |= {"HOME": f"{folder}/home", "XDG_RUNTIME_DIR": memory, "PATH": path}
        os.environ["NO_PROXY"] = "127.0.0.1,localhost"
        try:
            yield Path(folder)
        finally:
            os.environ.clear()
            os.environ.update(before)


@contextlib.contextmanager
def world(folder: Path) -> Iterator[World]:
    """Start all of it; everything is stopped at the end."""
    (folder / "rules.yaml").write_text(RULES)
    (folder / "keys").mkdir()
    with contextlib.ExitStack() as stack:
        credentials = make_credentials(folder / "keys", bits=2048)
        opener = stack.enter_context(keyring())
        _import(credentials, opener)
        source, target = stack.enter_context(Cluster(16)), stack.enter_context(Cluster(18))
        store = stack.enter_context(ObjectStore())
        ports = (int(store.endpoint_url.rpartition(":")[2]), source.port, target.port)
        to_store, to_source, to_target = (stack.enter_context(Proxy(port)) for port in ports)
        made = World(folder, source, target, store, credentials, to_store, to_source, to_target, opener)
        _make_databases(made)
        stack.callback(_end_sessions, made)
        for name in TARGETS:
            url = partial(_as_application, made, name)
            made.sessions[name] = [Session(url, work) for work in WORKS]
        yield made


def _as_application(made: World, target: str) -> str:
    return made.target.url(target, "application")


def _end_sessions(made: World) -> None:
    for session in [one for sessions in made.sessions.values() for one in sessions]:
        session.end()
    made.sessions.clear()


def _import(credentials: Credentials, home: Path) -> None:
    """Put the private key into a keyring of our own."""
    secret = credentials.repository / "gpg/database-backups/secret.key.enc"
    sops = shutil.which("sops")
    assert sops is not None
    kind = ["--input-type", "binary", "--output-type", "binary"]
    variables = environment(SOPS_AGE_KEY_FILE=str(credentials.age_key_file))
    key = subprocess.run([sops, "decrypt", *kind, str(secret)], capture_output=True, env=variables, check=True).stdout
    argv = [gpg(), "--homedir", str(home), "--no-options", "--batch", "--quiet", "--import"]
    subprocess.run(argv, input=key, capture_output=True, env=environment(), check=True)


def _make_databases(made: World) -> None:
    made.source.create_role_and_database(SOURCE, SOURCE)
    _run(made.source.url(SOURCE, SOURCE), *TABLES.split(";\n"))
    made.produce(1)
    for name in TARGETS:
        made.target.create_role_and_database(name, name)
    _run(
        made.target.url(),
        "ALTER ROLE database CREATEDB",
        "GRANT pg_signal_backend TO database",
        "CREATE ROLE application LOGIN IN ROLE pg_read_all_stats",
    )
    for name in TARGETS:
        url = made.target.url(name, name)
        _run(url, *TABLES.split(";\n"))
        with psycopg.connect(url) as connection:
            fill(connection, 0, who="nobody")
        _run(
            url,
            "GRANT SELECT ON edition, item, visit TO application",
            "GRANT UPDATE (touched) ON item TO application",
        )


def _run(url: str, *statements: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []
