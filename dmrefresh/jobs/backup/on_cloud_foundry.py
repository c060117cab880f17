"""backup-production --on cloud-foundry: a worker beside the database makes the backup, and is gone afterwards.

What it has stored is read back here.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field

from dmrefresh.bucket.store import DumpRef, SourceRefused, Store
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
)
from dmrefresh.jobs.attempts import Patience
from dmrefresh.jobs.backup.backup_production import Run
from dmrefresh.jobs.backup.worker_elsewhere import Order, as_the_bucket_says, have_made, order
from dmrefresh.jobs.dumps.reading_back import ReadBack, Stored, read_back
from dmrefresh.machine import signals
from dmrefresh.observer import Observer
from dmrefresh.report.model import BackupReport
from dmrefresh.settings.model import Settings

__all__ = ["Made", "Order", "demand_gone", "order", "run"]


@dataclass(frozen=True, slots=True)
class Made:
    """A backup that a worker has stored, and whether its application is gone; if not, somebody must delete it."""

    report: BackupReport
    gone: bool


def run(this: Order, observer: Observer, patience: Patience) -> Made:
    """Let a worker make and store the backup, and read it back here; `demand` says whether that is enough.

    Args:
        this: what to make.
        observer: is told about progress.
        patience: how often reading it back is begun again; keeps what came of each attempt.

    Raises:
        Busy: another one is at it.
        Failure: as of every backup.
    """
    running = _Elsewhere(this.plan, observer, patience, order=this)
    try:
        with signals.deadline(this.plan.job.deadline):
            return Made(running.whole(), running.gone)
    except (BackupNotStored, BackupUnverified, Busy, PublishedButUnfinished):  # they know better what is stored
        raise
    except DeadlinePassed as late:
        late.state = running.state if running.stored else as_the_bucket_says(this.plan.store, this.name, ended=False)
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

    order: Order = field(kw_only=True)
    gone: bool = True

    def _store(self, number: int) -> DumpRef:
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
