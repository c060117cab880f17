"""A production to refresh from, a target to refresh, and the real command between them."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import subprocess
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import Any

import psycopg

from dmrefresh.bucket.verified import SUFFIX, Verified, as_json
from fixtures.parts.dumping import dump_sql, make_dump, put_dump
from fixtures.parts.postgres import Cluster
from fixtures.parts.seaweedfs import ObjectStore
from fixtures.parts.secrets import Credentials, sops_encrypt
from fixtures.production import create, fill, leave_uncompressed

DMREFRESH = str(Path(sysconfig.get_path("scripts")) / "dmrefresh")
KEEP_EVERY_ROW = Path(__file__).parents[2] / "bench" / "keep_every_row.yaml"


@dataclass
class Ended:
    """How a run of the command ended: its exit code, all it printed, and its report, if it wrote one."""

    code: int
    output: str
    report: dict[str, Any]
    peak: int
    """Most memory it held at once, in bytes."""


class Child(subprocess.Popen[str]):
    """A started command. Where the block that it is for fails, it is ended: what it does is waited for no more."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is not None:
            self.kill()
        super().__exit__(kind, error, at)


@dataclass
class Scene:
    """Everything a refresh runs on.

    `stage` is whose dumps it takes; each test that stores dumps of its own uses a stage of its own.
    """

    folder: Path
    store: ObjectStore
    credentials: Credentials
    target_url: str
    stage: str = "production"
    endpoint_url: str | None = None
    ruleset: str = "digitalmarketplace"
    more: str = ""
    """More settings of the target, and sections after them."""

    def environment(self) -> dict[str, str]:
        temporary = self.folder / "tmp"
        temporary.mkdir(exist_ok=True)
        return os.environ | {
            "AWS_ACCESS_KEY_ID": self.store.jobs.access_key,
            "AWS_SECRET_ACCESS_KEY": self.store.jobs.secret_key,
            "SOPS_AGE_KEY_FILE": str(self.credentials.age_key_file),
            "TMPDIR": str(temporary),
            "DMREFRESH_JOB_FIRST_WAIT": "1 second",
        }

    def settings(self) -> Path:
        file = self.folder / "dmrefresh.toml"
        file.write_text(
            f"""
            [dumps]
            bucket = "{self.store.bucket}"
            endpoint_url = "{self.endpoint_url or self.store.endpoint_url}"
            stage = "{self.stage}"
            [keys]
            credentials_repo = "{self.credentials.repository}"
            [ruleset]
            path = "{self.ruleset}"
            [targets.local]
            url = "{self.target_url}"
            {self.more}
            """
        )
        return file

    def start(self, *arguments: str) -> Child:
        """Start a refresh in a folder of its own; standard output and error come together."""
        return self._start("clean-and-apply", "--target", "local", *arguments)

    def check_dump(self, *arguments: str) -> Ended:
        """Run check-dump to its end."""
        with self._start("check-dump", *arguments) as child:
            return self.ended(child)

    def _start(self, command: str, *arguments: str) -> Child:
        argv = [DMREFRESH, "--config", str(self.settings()), "--debug", command]
        return Child(
            [*argv, "--report", str(self.folder / "report.json"), *arguments],
            env=self.environment(),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def refresh(self, *arguments: str) -> Ended:
        """Run a refresh to its end."""
        with self.start(*arguments) as child:
            return self.ended(child)

    def ended(self, child: subprocess.Popen[str]) -> Ended:
        """Wait for a started refresh."""
        assert child.stdout is not None
        output = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        report = self.folder / "report.json"
        written = json.loads(report.read_text()) if report.exists() else {}
        report.unlink(missing_ok=True)
        return Ended(child.returncode, output, written, usage.ru_maxrss * 1024)

    def put(self, ciphertext: bytes, *, read_back: bool = False) -> str:
        """Store this as the newest dump of the scene's stage, as one that was read back or not; returns its name."""
        now = datetime.now(UTC) + timedelta(minutes=next(_MINUTES))
        name = put_dump(self.store, self.store.bucket, self.stage, now, BytesIO(ciphertext))
        if read_back:
            note_beside(self.store, name, ciphertext)
        return name

    def encrypt(self, text: bytes, *, compress: bool = True, recipient: Path | None = None) -> bytes:
        """A dump's text as the backup stores it, for the recipient whose public key is given."""
        home = self.folder / "gnupg"
        home.mkdir(mode=0o700, exist_ok=True)
        argv = ["gpg", "--homedir", str(home), "--batch", "--quiet", "--no-autostart", "--trust-model", "always"]
        argv += ["--compress-algo", "none", "--recipient-file", str(recipient or self.credentials.public_key)]
        packed = gzip.compress(text, 1) if compress else text
        return subprocess.run([*argv, "--encrypt"], input=packed, capture_output=True, check=True).stdout


def keep_the_key(credentials: Credentials, file: Path) -> None:
    """A key for the fakes among the secrets, so that two runs make the same of the same."""
    recipient = credentials.age_key_file.read_text().splitlines()[0].removeprefix("# public key: ")
    file.write_bytes(sops_encrypt(bytes(range(32)), recipient))


def note_beside(store: ObjectStore, name: str, content: bytes, /, **changed: object) -> None:
    """Note beside a dump that it was read back, as whoever has done that would; but for what is changed."""
    client = store.client(store.jobs)
    version = client.head_object(Bucket=store.bucket, Key=name).get("VersionId")
    true = Verified(name, len(content), hashlib.sha256(content).hexdigest(), version)
    noted = json.loads(as_json(true)) | changed
    client.put_object(Bucket=store.bucket, Key=name + SUFFIX, Body=json.dumps(noted).encode())


_MINUTES = iter(range(1, 1_000_000))


@dataclass
class Production:
    """A filled production database, its plain dump and its encrypted one, and every personal value in it."""

    cluster: Cluster
    database: str
    rows: dict[str, int]
    canaries: list[bytes]
    text: Path
    ciphertext: Path

    def users_left(self) -> int:
        """How many users a refresh leaves by the ruleset that ships: not those of suppliers that do nothing."""
        query = """SELECT count(*) FROM users u WHERE supplier_id IS NULL
                   OR EXISTS (SELECT FROM services s WHERE s.supplier_id = u.supplier_id)
                   OR EXISTS (SELECT FROM supplier_frameworks f WHERE f.supplier_id = u.supplier_id)"""
        with psycopg.connect(self.cluster.url(self.database)) as connection:
            ((count,),) = connection.execute(query.encode()).fetchall()
        return int(count)


def make_production(
    cluster: Cluster, database: str, rows: int, seed: int, credentials: Credentials, folder: Path
) -> Production:
    """Make, fill and dump a production database in which nothing is compressed out of a search's sight."""
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{database}"'.encode())
    canaries: set[str] = set()
    with psycopg.connect(cluster.url(database)) as connection:
        create(connection)
        leave_uncompressed(connection)
        counts = fill(connection, rows, seed, canaries=canaries.add)
    text, ciphertext = folder / f"{database}.sql", folder / f"{database}.gpg"
    dump_sql(cluster, database, text)
    make_dump(cluster, database, credentials, ciphertext, level=1)
    return Production(cluster, database, counts, [c.encode() for c in sorted(canaries)], text, ciphertext)


def make_target(cluster: Cluster, name: str, *, rows: int = 1000, seed: int = 2) -> str:
    """A database owned by an ordinary role of the same name, holding an older state; returns the owner's URL."""
    cluster.create_role_and_database(name, name)
    url = cluster.url(name, name)
    with psycopg.connect(url) as connection:
        create(connection)
        fill(connection, rows, seed)
    return url


def state_of(url: str) -> list[tuple[Any, ...]]:
    """What must not change when a refresh fails: the relations' identity, every table's rows, the schemas."""
    with psycopg.connect(url) as connection:
        relations = connection.execute(
            "SELECT c.oid, c.relname, c.relkind::text FROM pg_class c "
            "WHERE relnamespace = 'public'::regnamespace ORDER BY 1"
        ).fetchall()
        digest = "SELECT '{0}', count(*), md5(string_agg(md5(t::text), '' ORDER BY md5(t::text))) FROM \"{0}\" t"
        rows = [
            connection.execute(digest.format(name).encode()).fetchone() for _, name, kind in relations if kind == "r"
        ]
        schemas = connection.execute("SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' ORDER BY 1").fetchall()
    return [*relations, *(row for row in rows if row is not None), *schemas]


SceneFor = Callable[..., Scene]
