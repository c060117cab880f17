"""backup-production --on cloud-foundry: a worker beside the database makes the backup, and is gone afterwards.

What it may store is signed here, and what it has stored is read back here: it has neither a credential of S3 nor the
private key.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from dmrefresh.bucket.presigned import Presigned, read_presigned
from dmrefresh.bucket.store import DumpRef, SourceRefused, Store
from dmrefresh.durations import spoken
from dmrefresh.errors import (
    NOT_STORED,
    BackupNotStored,
    BackupUnverified,
    Busy,
    DeadlinePassed,
    Failure,
    NoSuchDump,
    PublishedButUnfinished,
    SourceUnreachable,
    UsageFailure,
)
from dmrefresh.jobs.backup import cloud_foundry
from dmrefresh.jobs.backup.backup_production import Run
from dmrefresh.jobs.backup.cloud_foundry import Application, Task
from dmrefresh.jobs.backup.planning import Plan, prepare
from dmrefresh.jobs.backup.presign import presign
from dmrefresh.jobs.backup.worker import ARMOUR, FORM, KEY, NAME, RECIPIENT
from dmrefresh.jobs.dumps.reading_back import ReadBack, Stored, read_back
from dmrefresh.machine import signals
from dmrefresh.observer import Observer
from dmrefresh.report.model import BackupReport
from dmrefresh.settings.model import Settings, Source

_LINES = 200
"""Of a failed worker's log, the last ones."""
_PATIENCE = 5
"""How often in a row the foundation may not say what became of the task."""


@dataclass(frozen=True, slots=True)
class Order:
    """A backup that a worker is to make.

    Attributes:
        settings: the settings that hold.
        plan: as of every backup; its source is what the foundation binds to the worker.
    """

    settings: Settings
    plan: Plan

    @property
    def name(self) -> str:
        """Of the object to be."""
        return self.plan.name


@dataclass(frozen=True, slots=True)
class Made:
    """A backup that a worker has stored, and whether its application is gone; if not, somebody must delete it."""

    report: BackupReport
    gone: bool


def order(settings: Settings, *, stage: str | None = None, quick: bool = False) -> Order:
    """Find out what is needed before anything is pushed.

    Args:
        settings: the settings that hold.
        stage: whose database, instead of the one in the settings.
        quick: only see that the private key opens what was stored.

    Raises:
        UsageFailure: the settings do not say what to push, or want what a worker cannot do.
        Failure: something else is missing.
    """
    said = settings.cloud_foundry
    if (said.image is None) == (said.path is None) or (said.manifest is not None and said.path is None):
        raise UsageFailure(
            "The settings do not say what to push: exactly one of an image, and a folder with its manifest, can be.",
            hint="set image, or path and manifest, under [cloud_foundry] in dmrefresh.toml",
        )
    if settings.dumps.signed:
        raise UsageFailure(
            "Backups are signed, and a worker has no private key to sign with.",
            hint="back up from here, without --on, or set signed = false under [dumps]",
        )
    cloud_foundry.refuse_traces()
    stage = stage or settings.dumps.stage
    bound = settings.model_copy(update={"sources": {stage: Source(vcap="*")}})
    plan = prepare(bound, stage=stage, quick=quick)
    if ARMOUR.encode() not in plan.public_key:
        raise UsageFailure(
            "The public key is not armoured, and a worker is told it in a variable.",
            hint="`gpg --armor --export` writes it so: public_key under [keys]",
        )
    return Order(settings, plan)


def run(this: Order, observer: Observer) -> Made:
    """Let a worker make and store the backup, and read it back here; `demand` says whether that is enough.

    Args:
        this: what to make.
        observer: is told about progress.

    Raises:
        Busy: another one is at it.
        Failure: as of every backup.
    """
    running = _Elsewhere(this.plan, observer, order=this)
    try:
        with signals.deadline(this.plan.job.deadline):
            return Made(running.whole(), running.gone)
    except (BackupNotStored, BackupUnverified, Busy, PublishedButUnfinished):  # they know better what is stored
        raise
    except DeadlinePassed as late:
        late.state = running.state if running.stored else _found(this.plan.store, this.name)
        raise
    except Failure as failure:
        failure.state = running.state
        raise


def demand_gone(done: Made, settings: Settings) -> None:
    """See that nothing was left on the foundation.

    Raises:
        PublishedButUnfinished: the application is still there.
    """
    if not done.gone:
        app = settings.cloud_foundry.app
        raise PublishedButUnfinished(
            f"The application {app} could not be deleted; it can reach the database.",
            hint=f"cf delete {app} -f",
            state=f"{done.report.name} is stored in the bucket {done.report.bucket}.",
        )


@dataclass(slots=True)
class _Elsewhere(Run):
    """A run that does not make the ciphertext itself, and so counts the rows when it reads them back."""

    order: Order | None = None
    gone: bool = True

    def _store(self, number: int) -> DumpRef:
        assert self.order is not None
        self.attempt = number
        _refuse_taken(self.plan.store, self.plan.name)
        with self.stopwatch.measure("worker"):
            self.gone = have_made(self.order, self.observer)
        try:
            found = self.plan.store.named(self.plan.name)
        except NoSuchDump:
            raise BackupNotStored(
                f"The worker ended well, and there is no {self.plan.name} in the bucket.",
                hint="does the command under [cloud_foundry] run `dmrefresh backup-production --worker`?",
            ) from None
        except SourceUnreachable as failure:
            raise BackupUnverified(
                f"The worker has stored {self.plan.name}, and it cannot be looked at: {failure.what}",
                hint=f"dmrefresh check-dump {self.plan.name} --record",
                state=f"It is in the bucket {self.plan.store.bucket}; whether it can be restored is not known.",
            ) from None
        self.stored = True
        return found

    def _read_back(self, there: Stored) -> ReadBack:
        self._refuse_another(there.dump)
        back = read_back(there, self.observer, stopwatch=self.stopwatch)
        self.counts.tables.update(back.contents.tables)
        self.counts.bytes = back.contents.bytes
        return back


def _refuse_taken(store: Store, name: str) -> None:
    """A POST replaces what has its name; another run's backup of this minute is not to be."""
    with contextlib.suppress(NoSuchDump, SourceRefused):
        store.named(name)
        raise Busy(
            f"There is a {name} in the bucket {store.bucket} already, which another run has stored.",
            state=NOT_STORED,
            hint="a backup's name says the minute it begins in: run it again in the next one",
        )


def have_made(this: Order, observer: Observer) -> bool:
    """Let a worker make and store the backup; its application is deleted in every case.

    Args:
        this: what to make.
        observer: is told about steps.

    Returns:
        whether the application is gone; if not, somebody must delete it.

    Raises:
        Busy: another one is at it.
        BackupNotStored: it is not stored, or nobody knows.
    """
    said = this.settings.cloud_foundry
    application = Application(said, lambda line: observer.note(f"cf push: {line}"))
    if application.clear():
        observer.warn(f"{said.app} was there, as a run that was killed leaves it; it is deleted")
    gone: list[bool] = []
    try:
        observer.note(f"pushing {said.app}")
        application.push()
        signed = presign(this.settings, this.name, said.expires, observer)
        application.tell(
            {
                NAME: this.name,
                FORM: signed.text,
                RECIPIENT: this.plan.backup.recipient,
                KEY: this.plan.public_key.decode("ascii", errors="replace"),
            }
        )
        task = application.start()
        observer.note(f"the worker's task is started; it has {spoken(said.expires)}")
        task = _ended(application, task, observer)
        if task.state != "SUCCEEDED":
            _pass_on(application.logs(), read_presigned(signed.text, this.name, FORM), observer)
            raise BackupNotStored(
                f"The worker failed: {task.reason or task.state}.",
                hint="what it said stands above, as far as the foundation still had it",
                state=_found(this.plan.store, this.name),
            )
    finally:
        with signals.held():
            gone.append(_delete(application, observer))
    observer.note(f"the worker has stored {this.name}; its application is {'deleted' if all(gone) else 'still there'}")
    return all(gone)


def _ended(application: Application, task: Task, observer: Observer) -> Task:
    """The task once it runs no more."""
    said, failures, state = application.settings, 0, task.state
    deadline = time.monotonic() + said.timeout.total_seconds()
    while not task.ended:
        if time.monotonic() > deadline:
            raise BackupNotStored(
                f"The worker did not end within {spoken(said.timeout)}; it is ended.",
                hint="timeout under [cloud_foundry] sets how long it may take",
                state="It is not known whether it has stored anything; what it stores is whole, or nothing.",
            )
        time.sleep(said.poll / timedelta(seconds=1))
        try:
            task, failures = application.look(task), 0
        except BackupNotStored:
            failures += 1
            if failures >= _PATIENCE:
                raise
        if task.state != state:
            state = task.state
            observer.note(f"the worker's task is {state.lower()}")
    return task


def _pass_on(lines: Sequence[str], form: Presigned, observer: Observer) -> None:
    """What the worker said, but no line with a piece of what it was told."""
    secrets = [form.fields[name] for name in form.fields if name.lower() in _SECRET]
    for line in lines[-_LINES:]:
        if not any(secret in line for secret in secrets):
            observer.note(f"worker: {line}")


_SECRET = {"policy", "x-amz-signature", "x-amz-security-token", "signature", "x-amz-credential", "awsaccesskeyid"}


def _found(store: Store, name: str) -> str:
    """What the bucket says about an object that a worker may have stored before it failed."""
    try:
        store.named(name)
    except NoSuchDump:
        return NOT_STORED
    except Failure:
        return "It is not known whether it has stored anything: the bucket does not say."
    return f"All the same there is an object {name} in the bucket, and nobody has read it back."


def _delete(application: Application, observer: Observer) -> bool:
    try:
        application.delete()
    except Failure as failure:
        observer.warn(
            f"{failure.what} {application.settings.app} is still there: cf delete {application.settings.app} -f"
        )
        return False
    return True
