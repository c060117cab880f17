"""backup-production --worker: a backup where there is neither a credential nor a private key.

All it is told stands in the environment, and what it makes goes where a presigned POST leads. S3 wants to know the
length of that first, so the ciphertext is kept in a nameless file until it is whole.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import stamina

from dmrefresh.bucket.presigned import SHRINKS, Presigned, read_presigned
from dmrefresh.bucket.store import taken_at
from dmrefresh.dump.counts import Counts
from dmrefresh.durations import spoken
from dmrefresh.errors import NOT_STORED, BackupNotStored, DeadlinePassed, UsageFailure
from dmrefresh.jobs.backup.producing import database_size, produced
from dmrefresh.jobs.limits import limits_of
from dmrefresh.machine import signals
from dmrefresh.machine.folders import NoRoom
from dmrefresh.measured import Measured
from dmrefresh.observer import Observer
from dmrefresh.postgres.reach.conninfo import refuse_misread
from dmrefresh.settings.model import Settings
from dmrefresh.settings.targets import Source
from dmrefresh.stages.post import IN_DOUBT, PostFailed, post
from dmrefresh.stages.spool import Spool, spool
from dmrefresh.stopwatch import Stopwatch

NAME, FORM, RECIPIENT, KEY = "DUMP_FILE_NAME", "S3_POST_URL_DATA", "RECIPIENT", "PUBKEY"
URL, SERVICES = "DATABASE_URL", "VCAP_SERVICES"
ARMOUR = "-----BEGIN PGP PUBLIC KEY BLOCK-----"
"""What a public key has in a variable."""

_A_SECOND = 20_000_000
"""Bytes of a database on its server's disk that are made into ciphertext and sent in a second, as a slow machine does;
two cores and the made-up production made 100 MB of it into ciphertext."""
_ATTEMPTS = 4
_LONGER = "sign it for longer: dmrefresh presign --expires"


@dataclass(frozen=True, slots=True)
class Contract:
    """What a worker is told.

    Attributes:
        name: of the object to be.
        form: the presigned POST.
        recipient: whose key the backup is encrypted to.
        public_key: that key, armoured.
        source: the database.
    """

    name: str
    form: Presigned
    recipient: str
    public_key: bytes = field(repr=False)
    source: Source = field(repr=False)

    @property
    def stage(self) -> str:
        """Whose backup it is, by its name."""
        return self.name.rpartition("-")[0]


@dataclass(frozen=True, slots=True)
class Sent:
    """A backup that was made, and that S3 has taken; whoever signed for it reads it back.

    Attributes:
        name, size, sha256: of the object; bytes, and their digest in hexadecimal.
        rows: of each table.
        seconds: of each stage.
    """

    name: str
    size: int
    sha256: str
    rows: Mapping[str, int]
    seconds: Mapping[str, float]


def contract(recipient: str, environ: Mapping[str, str] = os.environ) -> Contract:
    """Read what the environment says.

    Args:
        recipient: whose key it is where RECIPIENT is not set.
        environ: the environment.

    Raises:
        UsageFailure: something is missing or cannot be used; the message names the variable and shows nothing of it.
    """
    name = _given(environ, NAME)
    if taken_at(name) is None:
        raise UsageFailure(
            f"{NAME} is no name of a backup.", hint=f"set {NAME} to one: production-202611220300.sql.gz.gpg, in UTC"
        )
    form = read_presigned(_given(environ, FORM), name, FORM)
    key = _given(environ, KEY)
    if ARMOUR not in key:
        raise UsageFailure(f"{KEY} is no armoured public key.", hint="it is what `gpg --armor --export` prints")
    if environ.get(URL):
        refuse_misread(environ[URL], URL)
        source = Source(url=environ[URL])
    elif environ.get(SERVICES):
        source = Source(vcap="*")
    else:
        raise UsageFailure(f"Neither {URL} nor {SERVICES} says where the database is.", hint=f"set {URL} to its URL")
    return Contract(name, form, environ.get(RECIPIENT) or recipient, key.encode(), source)


def _given(environ: Mapping[str, str], variable: str) -> str:
    if not environ.get(variable):
        raise UsageFailure(
            f"{variable} is not set.", hint=f"a worker is told all in {NAME}, {FORM}, {KEY}, and {URL} or {SERVICES}"
        )
    return environ[variable]


def run(told: Contract, settings: Settings, observer: Observer) -> Sent:
    """Make the backup and post it.

    Args:
        told: the contract.
        settings: how hard to compress, how long it may take, which pg_dump.
        observer: is told about progress.

    Raises:
        BackupNotStored: it is not stored, or nobody knows whether it is.
        Failure: of any other kind; nothing is stored.
    """
    posting = False
    try:
        with signals.deadline(settings.job.deadline), spool(0) as kept:
            _in_time(told.form, "before the backup was begun")
            _foretell(database_size(told.source, told.stage, observer), told.form, observer)
            made = _make(told, settings, kept, observer)
            observer.note(f"{made.size:,} bytes of ciphertext are made; sending them")
            posting = True
            _post(told.form, kept, made, observer)
    except NoRoom as full:
        raise BackupNotStored(full.what, hint=full.hint) from None
    except DeadlinePassed as late:
        late.state = IN_DOUBT if posting else NOT_STORED
        raise
    return made


def _make(told: Contract, settings: Settings, kept: Spool, observer: Observer) -> Sent:
    """Make the ciphertext, and keep it."""
    counts, stopwatch, measured = Counts(), Stopwatch(), Measured()
    with produced(
        told.source,
        told.stage,
        told.name,
        told.public_key,
        told.recipient,
        counts,
        observer,
        stopwatch,
        programs=settings.programs,
        level=settings.backup.level,
        threads=settings.backup.threads,
        limits=limits_of(settings),
    ) as blocks:
        for _ in kept.keep(measured.all_of(_watched(blocks, told.form))):
            pass
    _in_time(told.form, "before the backup was whole")
    return Sent(told.name, measured.size, measured.sha256, dict(counts.tables), dict(stopwatch.seconds))


def _foretell(database: int, form: Presigned, observer: Observer) -> None:
    """Warn of what is likely to be in the way at the end, before the dump begins."""
    size, seconds = database // SHRINKS, database / _A_SECOND
    large = f"the database has {database:,} bytes, so some {size:,} of ciphertext are likely"
    if size > form.largest:
        observer.warn(f"{large}, and {form.largest:,} are the most that this presigned POST takes")
    if size > shutil.disk_usage(tempfile.gettempdir()).free:
        observer.warn(f"{large}, and {tempfile.gettempdir()} has not that much room")
    if timedelta(seconds=seconds) > form.left:
        left = spoken(timedelta(seconds=int(form.left.total_seconds())))
        observer.warn(f"the presigned POST is valid for {left} more, and {seconds:.0f} may be needed; {_LONGER}")
    if not form.takes_digest:
        observer.warn("the presigned POST has no place for the SHA-256, so the object will be without it")


def _in_time(form: Presigned, when: str) -> None:
    if form.left <= timedelta(0):
        raise BackupNotStored(f"The presigned POST expired at {form.expires:%H:%M:%S} UTC, {when}.", hint=_LONGER)


def _watched(blocks: Iterable[bytes], form: Presigned) -> Iterator[bytes]:
    """End it as soon as it is known that it cannot be stored."""
    size = 0
    for block in blocks:
        size += len(block)
        if size > form.largest:
            raise BackupNotStored(
                f"The backup has more than the {form.largest:,} bytes that the presigned POST takes.",
                hint="`dmrefresh backup-production` with credentials of its own has no such limit",
            )
        _in_time(form, "before the backup was whole")
        yield block


def _post(form: Presigned, kept: Spool, made: Sent, observer: Observer) -> None:
    """Post it, some times: the same content under the same name, so none of them can spoil another."""
    in_doubt = False
    for one in stamina.retry_context(on=_may_heal, attempts=_ATTEMPTS, timeout=None, wait_initial=1.0):
        with one:
            try:
                if form.left <= timedelta(0):
                    raise PostFailed("The presigned POST expired before it was taken.", retry=False, hint=_LONGER)
                with kept.reader() as file:
                    post(form, file, made.size, made.sha256)
                return
            except PostFailed as failure:
                in_doubt = in_doubt or failure.in_doubt
                if in_doubt:
                    failure.doubt()
                if failure.retry and one.num < _ATTEMPTS:
                    observer.warn(f"attempt {one.num} of {_ATTEMPTS} to send it failed: {failure.what}")
                raise
    raise AssertionError("the last attempt returns or raises")


def _may_heal(error: Exception) -> bool:
    return isinstance(error, PostFailed) and error.retry
