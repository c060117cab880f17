"""The dumps that are loaded, each made once and kept."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import psycopg

import fixtures.production
from bench.part import Setting
from fixtures.parts.dumping import PG_DUMP_OPTIONS, make_dump
from fixtures.parts.postgres import Cluster
from fixtures.parts.secrets import Credentials, make_credentials, reopen_credentials
from fixtures.production import create, fill

KEYS = "keys"
"""The folder of the keys, in the folder that is kept."""

_ROWS_PER_MEGABYTE = 1040
_SEED = 2026
_OWNER = "marketplace"
_QUICK = {
    # A production that is thrown away need not survive a crash; it is filled in three quarters of the time.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "4GB",
    "full_page_writes": "off",
    "shared_buffers": "512MB",
    "autovacuum": "off",
}


@dataclass(frozen=True)
class Dump:
    """An encrypted dump: about how many megabytes of plain text, the file, and each table's rows."""

    megabytes: int
    file: Path
    rows: dict[str, int]

    @property
    def encrypted_bytes(self) -> int:
        """The size of the file."""
        return self.file.stat().st_size


def keys(keep: Path) -> Credentials:
    """The key pair of all dumps in `keep`: RSA 4096 made on the first run, taken up again after.

    Raises:
        GnupgMissingError: there is no gpg.
        RuntimeError: gpg or sops failed; the text says what it said.
    """
    folder = keep / KEYS
    if not folder.exists():
        keep.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished = _afresh(folder)
        make_credentials(unfinished)
        unfinished.rename(folder)
    return reopen_credentials(folder)


def dump(setting: Setting, megabytes: int) -> Dump:
    """Take up the kept dump of that size, or make it.

    It is made again when the fake production, pg_dump's options or the keys are other ones.

    Args:
        setting: the folder that is kept, PostgreSQL's version, and who is told when it takes long.
        megabytes: about how large the plain text is to be, in millions of bytes.

    Raises:
        RuntimeError: a server or program failed; the text says which.
    """
    credentials = keys(setting.keep)
    folder = setting.keep / f"{megabytes}-megabytes-of-{setting.major}"
    origin = _origin(credentials)
    noted = folder / "dump.json"
    if not noted.exists() or json.loads(noted.read_text())["origin"] != origin:
        setting.say(f"making a dump of about {megabytes:,} MB; it is kept in {folder}")
        unfinished = _afresh(folder)
        rows = _make(unfinished / "dump.sql.gz.gpg", megabytes, setting.major, credentials)
        (unfinished / noted.name).write_text(json.dumps({"origin": origin, "rows": rows}, indent=2) + "\n")
        shutil.rmtree(folder, ignore_errors=True)
        unfinished.rename(folder)
    return Dump(megabytes, folder / "dump.sql.gz.gpg", json.loads(noted.read_text())["rows"])


def _make(file: Path, megabytes: int, major: int, credentials: Credentials) -> dict[str, int]:
    with Cluster(major, settings=_QUICK) as cluster:
        # Owned by a plain role: a superuser's production has an event trigger, on which psql as a plain role stops.
        role = cluster.create_role_and_database(_OWNER, _OWNER)
        with psycopg.connect(cluster.url(role.database, role.name)) as connection:
            create(connection)
            rows = fill(connection, megabytes * _ROWS_PER_MEGABYTE, _SEED)
        make_dump(cluster, role.database, credentials, file)
    return rows


def _origin(credentials: Credentials) -> str:
    """A digest of all that the dump comes from."""
    digest = hashlib.sha256()
    for part in (credentials.fingerprint, str(_ROWS_PER_MEGABYTE), str(_SEED), *PG_DUMP_OPTIONS):
        digest.update(part.encode() + b"\0")
    source = Path(fixtures.production.__file__).parent
    for path in sorted((*source.glob("*.py"), *source.glob("*.sql"))):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _afresh(folder: Path) -> Path:
    """An empty folder beside it: what is interrupted must not pass for whole."""
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    return unfinished
