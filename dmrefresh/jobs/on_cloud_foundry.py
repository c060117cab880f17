"""backup-production --on cloud-foundry: a worker beside the database makes the backup, and is gone afterwards.

What it may store is signed here, and what it has stored is read back here: it has neither a credential of S3 nor the
private key.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from dmrefresh import cloud_foundry, signals
from dmrefresh.cloud_foundry import Application, Task
from dmrefresh.durations import spoken
from dmrefresh.errors import NOT_STORED, BackupNotStored, Failure, NoSuchDump, UsageFailure
from dmrefresh.jobs.presign import presign
from dmrefresh.jobs.worker import FORM, KEY, NAME, RECIPIENT
from dmrefresh.observer import Observer
from dmrefresh.presigned import Presigned, read_presigned
from dmrefresh.settings import Settings
from dmrefresh.store import Store

_LINES = 200
"""Of a failed worker's log, the last ones."""
_PATIENCE = 5
"""How often in a row the foundation may not say what became of the task."""


@dataclass(frozen=True, slots=True)
class Order:
    """A backup that a worker is to make.

    Attributes:
        settings: the settings that hold.
        name: of the object to be.
        public_key: armoured.
    """

    settings: Settings
    name: str
    public_key: bytes = field(repr=False)


def order(settings: Settings, name: str) -> Order:
    """What is needed before anything is pushed.

    Args:
        settings: the settings that hold.
        name: of the object to be.

    Raises:
        UsageFailure: the settings do not say what to push, or the public key is not there.
    """
    said = settings.cloud_foundry
    if (said.image is None) == (said.path is None) or (said.manifest is not None and said.path is None):
        raise UsageFailure(
            "The settings do not say what to push: exactly one of an image, and a folder with its manifest, can be.",
            hint="set image, or path and manifest, under [cloud_foundry] in dmrefresh.toml",
        )
    file = settings.keys.locate(settings.keys.public_key)
    try:
        key = file.read_bytes()
    except OSError as error:
        raise UsageFailure(f"The public key {file} cannot be read: {error.strerror}.") from None
    cloud_foundry.refuse_traces()
    return Order(settings, name, key)


def have_made(this: Order, store: Store, observer: Observer) -> bool:
    """Let a worker make and store the backup; its application is deleted in every case.

    Args:
        this: what to make.
        store: the bucket, to look what became of it where the worker fails.
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
                RECIPIENT: this.settings.backup.recipient,
                KEY: this.public_key.decode("ascii", errors="replace"),
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
                state=_found(store, this.name),
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
