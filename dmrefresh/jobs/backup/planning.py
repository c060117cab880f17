"""What a backup needs to know before it begins: the source, the bucket, the keys, and the name of the minute."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from dmrefresh.bucket.store import Store, taken_at
from dmrefresh.dump.text.limits import Limits
from dmrefresh.errors import KeyUnusable, UsageFailure
from dmrefresh.jobs.buckets import store_of
from dmrefresh.jobs.limits import limits_of
from dmrefresh.keys.private import KeyAbsent, KeyFiles
from dmrefresh.settings.model import Backup, Job, Programs, Settings, Source


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a backup needs to know, found out before it begins.

    Attributes:
        stage, source: whose database it is, and where.
        store, name: the bucket, and the object's name to be.
        public_key: the public key, as its file has it.
        keys: the private key's files; None where this machine has none.
        signed: whether the private key signs it.
        verify: how it is read back.
    """

    stage: str
    source: Source
    store: Store
    name: str
    public_key: bytes = field(repr=False)
    keys: KeyFiles | None
    backup: Backup
    signed: bool
    verify: Literal["full", "quick", "no"]
    programs: Programs
    job: Job
    limits: Limits


def prepare(settings: Settings, *, stage: str | None = None, quick: bool = False) -> Plan:
    """Find the source, the bucket and the keys' files; the name is that of this minute.

    Args:
        settings: the settings that hold.
        stage: whose database, instead of the one in the settings.
        quick: only see that the private key opens what was stored.

    Raises:
        Failure: something is missing; nothing was begun.
    """
    stage = stage or settings.dumps.stage
    name = f"{stage}-{datetime.now(UTC):%Y%m%d%H%M}.sql.gz.gpg"
    source = settings.source(stage)
    if taken_at(name, stage) is None:
        raise UsageFailure(
            f"The source `{stage}` cannot be told in the name of a dump.",
            hint="name it by small letters, digits and dashes",
        )
    keys = _private(settings)
    if settings.dumps.signed and keys is None:
        raise KeyAbsent(
            "Backups are signed, and the private key is not on this machine.",
            hint="set DM_CREDENTIALS_REPO to the credentials repository, or signed = false under [dumps]",
        )
    return Plan(
        stage=stage,
        source=source,
        store=store_of(settings),
        name=name,
        public_key=_public(settings),
        keys=keys,
        backup=settings.backup,
        signed=settings.dumps.signed,
        verify="quick" if quick else settings.backup.verify,
        programs=settings.programs,
        job=settings.job,
        limits=limits_of(settings),
    )


def _private(settings: Settings) -> KeyFiles | None:
    try:
        files = settings.keys.files()
    except UsageFailure:  # nothing says where the credentials repository is
        return None
    return files if files.secret_key.is_file() and files.passphrase.is_file() else None


def _public(settings: Settings) -> bytes:
    file = settings.keys.locate(settings.keys.public_key)
    try:
        return file.read_bytes()
    except OSError as error:
        raise KeyUnusable(
            f"The public key cannot be read from {file}: {error.strerror}.",
            hint="set DM_CREDENTIALS_REPO to the credentials repository, or public_key under [keys]",
        ) from None
