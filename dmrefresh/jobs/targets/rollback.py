"""rollback: the data that was on a target before its last refresh, put back."""

from __future__ import annotations

from dataclasses import dataclass, field

from dmrefresh import __version__
from dmrefresh.errors import UsageFailure
from dmrefresh.jobs.targets.looking import Confirm, look, nobody_confirms
from dmrefresh.jobs.targets.naming import target_of
from dmrefresh.machine import signals
from dmrefresh.observer import Observer
from dmrefresh.postgres import receipt
from dmrefresh.postgres.reach.reaching import reached
from dmrefresh.postgres.strategies.rollback import RolledBack, rollback
from dmrefresh.report.runs import new_identity
from dmrefresh.settings.model import Job, Production, Settings, Target


@dataclass(frozen=True, slots=True)
class Plan:
    """What a rollback needs to know."""

    target_name: str
    target: Target
    production: Production = field(default_factory=Production)
    job: Job = field(default_factory=Job)


def prepare(settings: Settings, target: str) -> Plan:
    """Find the target.

    Raises:
        UsageFailure: the settings name no such target, or it is a bucket.
    """
    found = target_of(settings, target)
    if found.s3 is not None:
        raise UsageFailure(
            f"The target `{target}` is a bucket, in which every cleaned dump of before still lies.",
            hint=f"refresh from one of them: --from {target} --dump NAME; `dmrefresh dumps --from {target}` lists them",
        )
    return Plan(target, found, settings.production, settings.job)


def run(plan: Plan, observer: Observer | None = None, *, confirm: Confirm = nobody_confirms) -> RolledBack:
    """Put the kept data back.

    Args:
        plan: where.
        observer: is told about progress.
        confirm: is asked whether a target that is not on this machine is meant.

    Raises:
        TargetUnfit: nothing is kept, it has expired, or the target is refused.
        Failure: of any other kind; unless it is CommitInDoubt, the target is as it was.
    """
    observer = observer or Observer()
    run = new_identity()
    slip = receipt.Receipt(
        run=run,
        dump="",
        ruleset="",
        version=__version__,
        target=plan.target_name,
        published_by=receipt.publisher(),
    )
    with signals.deadline(plan.job.deadline):
        looked = look(plan.target, plan.target_name, plan.production, observer, confirm)
        guard = looked.guard
        with reached(plan.target, plan.target_name, observer, allowed=guard.check_host) as there:
            looked.refuse_another(there)
            return rollback(
                there.url, slip, guard=guard, allow_superuser=plan.target.allow_superuser, observer=observer
            )
