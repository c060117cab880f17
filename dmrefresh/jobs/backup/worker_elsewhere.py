"""A worker on Cloud Foundry: ordered, pushed, waited for, and deleted whatever becomes of it.

What it may store is signed here: it has neither a credential of S3 nor the private key.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from dmrefresh.bucket.presigned import Presigned, read_presigned
from dmrefresh.bucket.store import Store
from dmrefresh.durations import spoken
from dmrefresh.errors import NOT_STORED, BackupNotStored, Failure, NoSuchDump, UsageFailure
from dmrefresh.jobs.backup import cloud_foundry
from dmrefresh.jobs.backup.cloud_foundry import Application, Task
from dmrefresh.jobs.backup.planning import Plan, prepare
from dmrefresh.jobs.backup.presign import presign
from dmrefresh.jobs.backup.worker import ARMOUR, FORM, KEY, NAME, RECIPIENT
from dmrefresh.machine import signals
from dmrefresh.observer import Observer
from dmrefresh.settings.model import Settings, Source

_LINES = 200
"""Of a failed worker's log, the last ones."""
_PATIENCE = 5
"""How often in a row the foundation may not say what became of the task."""
_SECRET = {"policy", "x-amz-signature", "x-amz-security-token", "signature", "x-amz-credential", "awsaccesskeyid"}
"""Fields of a presigned POST that let somebody use it."""


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
    worker = _Worker(this, Application(said, lambda line: observer.note(f"cf push: {line}")), observer)
    if worker.application.clear():
        observer.warn(f"{said.app} was there, as a run that was killed leaves it; it is deleted")
    try:
        gone = worker.whole()
    except BackupNotStored as failure:
        if worker.started:  # the bucket knows better than the foundation what became of it
            failure.state = as_the_bucket_says(this.plan.store, this.name, ended=worker.ended)
        raise
    observer.note(f"the worker has stored {this.name}; its application is {'deleted' if gone else 'still there'}")
    return gone


@dataclass(slots=True)
class _Worker:
    """One worker, and how far it came: whether it may have stored something, and whether it stores nothing any more."""

    order: Order
    application: Application
    observer: Observer
    started: bool = False
    ended: bool = False

    def whole(self) -> bool:
        """Push it, let it work, and delete it; raises, and returns, as `have_made`."""
        try:
            self._work()
        finally:
            with signals.held():
                gone = _delete(self.application, self.observer)
        return gone

    def _work(self) -> None:
        this, application = self.order, self.application
        expires = application.settings.expires
        self.observer.note(f"pushing {application.settings.app}")
        application.push()
        signed = presign(this.settings, this.name, expires, self.observer)
        application.tell(
            {
                NAME: this.name,
                FORM: signed.text,
                RECIPIENT: this.plan.backup.recipient,
                KEY: this.plan.public_key.decode("ascii", errors="replace"),
            }
        )
        self.started = True  # also where the answer to that is lost
        task = application.start()
        self.observer.note(f"the worker's task is started; it has {spoken(expires)}")
        task = _ended(application, task, self.observer)
        self.ended = True
        if task.state != "SUCCEEDED":
            _pass_on(application.logs(), read_presigned(signed.text, this.name, FORM), self.observer)
            raise BackupNotStored(
                f"The worker failed: {task.reason or task.state}.",
                hint="what it said stands above, as far as the foundation still had it",
            )


def _ended(application: Application, task: Task, observer: Observer) -> Task:
    """The task once it runs no more."""
    said, failures, state = application.settings, 0, task.state
    deadline = time.monotonic() + said.timeout.total_seconds()
    while not task.ended:
        if time.monotonic() > deadline:
            raise BackupNotStored(
                f"The worker did not end within {spoken(said.timeout)}; it is ended.",
                hint="timeout under [cloud_foundry] sets how long it may take",
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


def as_the_bucket_says(store: Store, name: str, *, ended: bool) -> str:
    """What the bucket says about an object that a worker may have stored; may it still, unless it has `ended`?"""
    try:
        store.named(name)
    except NoSuchDump:
        if ended:
            return NOT_STORED
        return f"There is no {name} in the bucket so far; what the worker stores is whole, or nothing."
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
