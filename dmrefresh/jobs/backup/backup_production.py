"""backup-production: a database dumped, compressed, encrypted and stored in one stream, then read back from the bucket.

complete(streamed(produced(source)))  ·  read_back(stored)  ·  note_beside(stored)
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal, TypeVar

from dmrefresh import __version__
from dmrefresh.bucket.store import DumpRef
from dmrefresh.bucket.verified import SUFFIX
from dmrefresh.dump.counts import Counts
from dmrefresh.errors import (
    BackupNotStored,
    BackupUnverified,
    Busy,
    CommitInDoubt,
    DumpDamaged,
    Failure,
    KeyUnusable,
    NoSuchDump,
    PublishedButUnfinished,
    SourceUnreachable,
)
from dmrefresh.jobs.attempts import Patience, attempts
from dmrefresh.jobs.backup.ending import not_stored
from dmrefresh.jobs.backup.planning import Plan, prepare
from dmrefresh.jobs.dumps.key_pair import prove
from dmrefresh.keys.private import KeyAbsent, private_keyring
from dmrefresh.keys.public import public_keyring
from dmrefresh.machine import process, signals
from dmrefresh.machine.apart import meanwhile
from dmrefresh.observer import Observer
from dmrefresh.report.model import BackupReport
from dmrefresh.report.timeline import timeline_of
from dmrefresh.stages.streamed import Streamed, streamed
from dmrefresh.stopwatch import Stopwatch

if TYPE_CHECKING:
    from dmrefresh.jobs.dumps.reading_back import ReadBack, Stored

T = TypeVar("T")

_SOON = timedelta(days=30)
"""So long before the public key expires it is said on every run."""

_WHO = "look at who may write there, and make another backup"

__all__ = ["Plan", "Run", "demand", "prepare", "run"]


def run(plan: Plan, observer: Observer | None = None, patience: Patience | None = None) -> BackupReport:
    """Make the backup, store it, and read it back; what may heal is begun again.

    Args:
        plan: what to do.
        observer: is told about progress.
        patience: how often it is begun again, as the settings say if None; keeps what came of each attempt.

    Returns:
        what was stored, and how it was read back; `demand` says whether that is enough.

    Raises:
        BackupNotStored: it was not made, or not stored.
        Busy: another run has stored something under the same name.
        KeyUnusable: the public key is not to be used, or the private key does not open what was stored.
        DumpDamaged: what is stored is not what was made.
        PublishedButUnfinished: it is stored and read back, and the note of that could not be put beside it.
        DeadlinePassed: it took longer than the settings allow.
        Failure: of any other kind. What is stored by then, the failure's state says.
    """
    this = Run(plan, observer or Observer(), patience or Patience.of(plan.job))
    try:
        with signals.deadline(plan.job.deadline):
            return this.whole()
    except (Busy, CommitInDoubt, PublishedButUnfinished):  # they know better what is stored
        raise
    except Failure as failure:
        failure.state = this.state
        raise


def demand(done: BackupReport) -> None:
    """See that what was stored was read back.

    Raises:
        BackupUnverified: it was not.
    """
    if done.read_back == "no":
        raise BackupUnverified(
            f"{done.name} is stored, and was not read back: {done.why_not}.",
            hint=f"where the private key is: dmrefresh check-dump {done.name} --record. If it is read back elsewhere, "
            "add --accept-unverified",
            state=f"It is in the bucket {done.bucket}; whether it can be restored is not known.",
        )


@dataclass(slots=True)
class Run:
    """One run, and how far it came."""

    plan: Plan
    observer: Observer
    patience: Patience
    counts: Counts = field(default_factory=Counts)
    stopwatch: Stopwatch = field(default_factory=Stopwatch)
    encrypted_to: str = ""
    attempt: int = 0
    stored: bool = False
    damaged: bool = False

    @property
    def state(self) -> str:
        """What there is now."""
        name, bucket = self.plan.name, self.plan.store.bucket
        if not self.stored:
            return f"Nothing is stored under {name}."
        found = "is not to be relied on" if self.damaged else "was not read back"
        return f"{name} is in the bucket {bucket} and {found}; no note beside it says that it was."

    def whole(self) -> BackupReport:
        """Store it, read it back, and leave the note of that; raises as `run`."""
        from dmrefresh.postgres.receipt import publisher

        plan, began = self.plan, time.monotonic()
        self.observer.note(f"backup of {plan.stage}: {plan.name} in the bucket {plan.store.bucket}")
        with meanwhile(self._load, "dmrefresh-load"):  # SOPS and gpg leave time for it
            why_not = self._prove_keys()
        stored = attempts(self._store, self.observer, self.patience, doing="store", dump=lambda: plan.name)
        self.observer.step("backup stored")
        if self.counts.refused is not None:
            self.observer.warn(f"a refresh would refuse this backup, though it is whole: {self.counts.refused}")
        try:
            with signals.heard_again(missed=True, open_again=True):  # what is stored stays, whatever becomes of this
                how, why_not = self._verify(stored, why_not)
        except signals.Interrupted as interrupted:
            interrupted.state, interrupted.hint = self.state, f"dmrefresh check-dump {plan.name} --record reads it back"
            raise
        return BackupReport(
            name=plan.name,
            bucket=plan.store.bucket,
            stage=plan.stage,
            size=stored.size,
            sha256=stored.sha256 or "",
            version_id=stored.version_id,
            encrypted_to=self.encrypted_to,
            signed=plan.signed,
            bytes=self.counts.bytes,
            rows=dict(self.counts.tables),
            attempts=self.attempt,
            tries=list(self.patience.tries),
            total_seconds=round(time.monotonic() - began, 3),
            stages={name: round(value, 3) for name, value in self.stopwatch.seconds.items()},
            read_back=how,
            why_not=why_not,
            noted=plan.name + SUFFIX if how == "full" else None,
            refused=self.counts.refused,
            timeline=timeline_of(self.stopwatch),
            by=publisher(),
        )

    def _load(self) -> None:
        """Load what the rest of the run needs, which takes longer than it takes to begin."""
        from dmrefresh.jobs.backup import producing  # noqa: F401
        from dmrefresh.jobs.dumps import reading_back  # noqa: F401

        self.plan.store.load()

    def _prove_keys(self) -> str | None:
        """See that the private key will open it, before an hour of dumping; why it will not be read back, if so."""
        plan = self.plan
        with public_keyring(plan.public_key, plan.backup.recipient) as recipient:
            self.encrypted_to = recipient.fingerprint
            if recipient.expires is not None and recipient.expires - datetime.now(UTC) < _SOON:
                self.observer.warn(
                    f"the public key expires on {recipient.expires:%d %B %Y}: no backup is made after that"
                )
            if plan.keys is None:
                return self._unread("the private key is not on this machine")
            try:
                with private_keyring(plan.keys) as keyring:
                    prove(recipient, keyring)
            except KeyAbsent as absent:
                if plan.signed:
                    raise
                return self._unread(_sentence(absent))
            finally:
                process.kill_all()
        return None

    def _unread(self, why: str) -> str:
        if self.plan.verify != "no":
            self.observer.warn(f"the backup will not be read back: {why}")
        return why

    def _store(self, number: int) -> DumpRef:
        """One attempt: the whole chain, from the database to the object."""
        from dmrefresh.jobs.backup.producing import produced
        from dmrefresh.postgres.receipt import publisher

        plan = self.plan
        self.attempt, self.stopwatch = number, Stopwatch()
        self.observer.watch(self.stopwatch, None)
        facts = {"dmrefresh": __version__, "by": publisher(), "recipient": self.encrypted_to}
        try:
            with ExitStack() as stack:
                signer = stack.enter_context(private_keyring(plan.keys)) if plan.signed and plan.keys else None
                blocks = stack.enter_context(
                    produced(
                        plan.source,
                        plan.stage,
                        plan.name,
                        plan.public_key,
                        plan.backup.recipient,
                        self.counts,
                        self.observer,
                        self.stopwatch,
                        programs=plan.programs,
                        level=plan.backup.level,
                        threads=plan.backup.threads,
                        signer=signer,
                        limits=plan.limits,
                    )
                )
                stack.enter_context(not_stored())
                with self.stopwatch.measure("upload"):
                    sent = stack.enter_context(streamed(plan.store, plan.name, blocks, facts))
                # From here on the outcome is S3's: no signal may hide it.
                with signals.held_from_here():
                    return self._complete(sent)
        finally:
            process.kill_all()

    def _complete(self, sent: Streamed) -> DumpRef:
        """Make it an object."""
        try:
            stored = sent.complete()
        except DumpDamaged as failure:
            self.stored = self.damaged = True
            failure.retry = False
            raise
        self.stored = True
        return stored

    def _verify(self, stored: DumpRef, why_not: str | None) -> tuple[Literal["full", "quick", "no"], str | None]:
        """Read the stored object back; how that was done, or why it was not."""
        from dmrefresh.jobs.dumps.noted import note_beside
        from dmrefresh.jobs.dumps.reading_back import Stored, opens

        plan = self.plan
        if plan.verify == "no":
            return "no", "the settings say so (verify under [backup])"
        if plan.keys is None or why_not is not None:
            return "no", why_not
        there = Stored(plan.store, stored, plan.keys, plan.limits, plan.signed)
        self.observer.note("it is read back now from the bucket")
        try:
            if plan.verify == "quick":
                self._again(lambda _: opens(there))
                return "quick", None
            back = self._again(lambda _: self._read_back(there))
        except (KeyAbsent, SourceUnreachable) as failure:
            return "no", self._unread(_sentence(failure))
        except (DumpDamaged, KeyUnusable) as failure:
            self.damaged = not failure.retry  # else it may be the way from there, and nothing is known against it
            raise
        note_beside(plan.store, back.verified, self.observer)
        return "full", None

    def _again(self, look: Callable[[int], T]) -> T:
        """Look at what is stored; again, where that may help."""
        return attempts(look, self.observer, self.patience, doing="read back", dump=lambda: self.plan.name)

    def _read_back(self, there: Stored) -> ReadBack:
        from dmrefresh.jobs.dumps.reading_back import read_back

        self._refuse_another(there.dump)
        return read_back(there, self.observer, sent=self.counts.tables, stopwatch=self.stopwatch)

    def _refuse_another(self, stored: DumpRef) -> None:
        """What the name stands for by now is what anybody will restore from."""
        try:
            now = self.plan.store.named(stored.key)
        except NoSuchDump:
            self.stored = False
            raise BackupNotStored(
                f"{stored.key} is gone from the bucket {stored.bucket} since it was stored.", hint=_WHO
            ) from None
        if (now.etag, now.version_id, now.size) != (stored.etag, stored.version_id, stored.size):
            changed = DumpDamaged(
                f"{stored.key} in the bucket {stored.bucket} was replaced since it was stored.", hint=_WHO
            )
            changed.retry = False
            raise changed


def _sentence(failure: Failure) -> str:
    """What happened, as a part of another sentence."""
    return failure.what.removesuffix(".")
