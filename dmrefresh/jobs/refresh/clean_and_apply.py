"""clean-and-apply: the newest dump, sanitised in the stream or before, published to a target."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from dmrefresh.bucket.store import Store
from dmrefresh.dump.judging.after_load import Script, script_of
from dmrefresh.dump.text.limits import Limits
from dmrefresh.jobs.attempts import Patience, attempts
from dmrefresh.jobs.buckets import bucket_of
from dmrefresh.jobs.dumps.doubts import Doubts
from dmrefresh.jobs.limits import limits_of
from dmrefresh.jobs.refresh import hooks
from dmrefresh.jobs.refresh.finding import Found, of_a_bucket, of_production
from dmrefresh.jobs.refresh.refreshing import Run
from dmrefresh.jobs.refresh.source import Source
from dmrefresh.jobs.rulesets.rules import read_ruleset
from dmrefresh.jobs.targets.looking import Confirm, nobody_confirms
from dmrefresh.jobs.targets.naming import target_of
from dmrefresh.machine import signals
from dmrefresh.observer import Observer
from dmrefresh.report.model import Report
from dmrefresh.settings.model import Job, Production, Programs, Settings, Target


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a refresh needs to know, found out before it begins.

    `bucket` is the target where that is one; `named` says that somebody has asked for this dump by its name,
    `fall_back` that an older one is to be taken where it is damaged.
    """

    found: Found
    script: Script
    target_name: str
    target: Target
    bucket: Store | None = None
    production: Production = field(default_factory=Production)
    job: Job = field(default_factory=Job)
    programs: Programs = field(default_factory=Programs)
    limits: Limits = field(default_factory=Limits)
    named: bool = False
    fall_back: bool = False

    @property
    def source(self) -> Source:
        """The dump, and what opens it."""
        return self.found.source

    @property
    def passed_over(self) -> tuple[str, ...]:
        """Why newer dumps were not taken."""
        return self.found.passed_over

    @property
    def doubts(self) -> Doubts:
        """What speaks against the one that was."""
        return self.found.doubts


def prepare(
    settings: Settings,
    target: str,
    *,
    dump: str | None = None,
    stage: str | None = None,
    ruleset: str | None = None,
    cleaned: str | None = None,
    strict: bool = False,
    fall_back: bool = False,
    observer: Observer | None = None,
    patience: Patience | None = None,
) -> Plan:
    """Find the dump, read the ruleset, look for the keys' files.

    Args:
        settings: the settings that hold.
        target: the target's name in them.
        dump: take the object of this name instead of the newest.
        stage: whose dumps to take, instead of the one in the settings.
        ruleset: a ruleset's name or file, instead of the one in the settings.
        cleaned: take a cleaned dump from the target of this name, a bucket, and not one of production's.
        strict: a rule for what is not in the dump stops the run.
        fall_back: take an older dump where the newest is damaged.
        observer: is told where the dump has to be looked for again.
        patience: how often that is; only once if None.

    Raises:
        Failure: something is missing; nothing was touched.
    """
    to = target_of(settings, target)
    rules = read_ruleset(ruleset or settings.ruleset.path)
    script = script_of(rules)

    def find(_: int) -> Found:
        if cleaned is not None:
            return of_a_bucket(settings, rules, dump, cleaned, to)
        return of_production(settings, rules, dump, stage, strict=strict)

    return Plan(
        found=attempts(find, observer or Observer(), patience or Patience(most=1), doing="find", dump=lambda: dump),
        script=Script() if cleaned is not None else script,  # it was run when the dump was cleaned
        target_name=target,
        target=to,
        bucket=bucket_of(settings, to) if to.s3 is not None else None,
        production=settings.production,
        job=settings.job,
        programs=settings.programs,
        limits=limits_of(settings),
        named=dump is not None,
        fall_back=fall_back,
    )


def run(
    plan: Plan,
    observer: Observer | None = None,
    *,
    confirm: Confirm = nobody_confirms,
    patience: Patience | None = None,
    identity: str | None = None,
) -> Report:
    """Refresh the target; what is certainly passing is tried again from a clean start.

    Args:
        plan: what to do.
        observer: is told about progress.
        confirm: is asked once whether a target that is not on this machine is meant.
        patience: how often it is begun again, as the settings say if None; keeps what came of each attempt.
        identity: the run's name, by which its receipt has it; a new one if None.

    Raises:
        DeadlinePassed: it took longer than the settings allow; the target is as it was.
        DumpDamaged: the dump is, and no older one that is not was wanted, or there.
        Failure: of any other kind; unless it is CommitInDoubt, the target is as it was.
    """
    with signals.deadline(plan.job.deadline):
        this = Run(plan, observer or Observer(), confirm, patience or Patience.of(plan.job), plan.found)
        this.identity = identity or this.identity
        return this.whole()


def finish(plan: Plan, done: Report, observer: Observer | None = None, *, report: Path | None = None) -> None:
    """Run the target's commands that come after a refresh.

    Args:
        plan: what was done.
        done: what came of it.
        observer: is given what the commands write.
        report: the file that `done` was written to.

    Raises:
        PublishedButUnfinished: one of them failed; the data is published all the same.
    """
    facts = hooks.Facts(plan.target_name, done.dump.name, done.run, done.rows, report)
    hooks.after(plan.target.after, facts, plan.job.hook_limit, observer or Observer())
