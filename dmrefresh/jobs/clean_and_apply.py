"""clean-and-apply: the newest dump, sanitised in the stream or before, published to a target."""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from dmrefresh import __version__, process, signals
from dmrefresh.dump.after_load import Script, script_of
from dmrefresh.jobs import hooks
from dmrefresh.jobs.attempts import attempts
from dmrefresh.jobs.cached import cache_of
from dmrefresh.jobs.choosing import Chosen, chosen
from dmrefresh.jobs.doubts import Doubts, of_a_cleaned_one
from dmrefresh.jobs.dumps import choose_cleaned, introduce, limits_of
from dmrefresh.jobs.looking import Confirm, Looked, look, look_at_bucket, nobody_confirms
from dmrefresh.jobs.naming import target_of
from dmrefresh.jobs.others import dump_others
from dmrefresh.jobs.rules import read_ruleset, sanitiser_key
from dmrefresh.jobs.sources import Attempt, Cleaned, Encrypted, Source
from dmrefresh.jobs.to_bucket import Cleaning, store_cleaned
from dmrefresh.observer import Observer
from dmrefresh.postgres.guard import Guard
from dmrefresh.postgres.publish import Published, publish
from dmrefresh.postgres.reaching import reached
from dmrefresh.postgres.receipt import Receipt, publisher
from dmrefresh.postgres.scratch import is_elsewhere
from dmrefresh.report import DumpReport, LeakReport, Report, TableReport
from dmrefresh.settings import Job, Production, Programs, Settings, Target
from dmrefresh.store import cleaned_name
from sanitisers import Ruleset
from sanitisers.pools import fill as fill_pools


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a refresh needs to know, found out before it begins.

    `passed_over` says why newer dumps were not taken, `doubts` what speaks against the one that was.
    """

    source: Source
    script: Script
    target_name: str
    target: Target
    production: Production = field(default_factory=Production)
    job: Job = field(default_factory=Job)
    programs: Programs = field(default_factory=Programs)
    passed_over: tuple[str, ...] = ()
    doubts: Doubts = field(default_factory=Doubts)


def prepare(
    settings: Settings,
    target: str,
    *,
    dump: str | None = None,
    stage: str | None = None,
    ruleset: str | None = None,
    cleaned: str | None = None,
    strict: bool = False,
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

    Raises:
        Failure: something is missing; nothing was touched.
    """
    to = target_of(settings, target)
    rules = read_ruleset(ruleset or settings.ruleset.path)
    script = script_of(rules)
    source: Source
    if cleaned is None:
        found = chosen(settings, dump, stage)
        source, passed_over, doubts = _source(settings, rules, found, strict=strict), found.passed_over, found.doubts
    else:
        source, passed_over = _cleaned(settings, rules, dump, cleaned, to), ()
        doubts = of_a_cleaned_one(settings.dumps, source.dump)
    return Plan(
        source=source,
        script=Script() if cleaned is not None else script,  # it was run when the dump was cleaned
        target_name=target,
        target=to,
        production=settings.production,
        job=settings.job,
        programs=settings.programs,
        passed_over=passed_over,
        doubts=doubts,
    )


def _source(settings: Settings, rules: Ruleset, found: Chosen, *, strict: bool) -> Encrypted:
    return Encrypted(
        store=found.store,
        dump=found.dump,
        keys=settings.keys.files(),
        ruleset=rules,
        sanitiser_key=sanitiser_key(settings),
        limits=limits_of(settings),
        strict=strict,
        signed=settings.dumps.signed,
        cache=cache_of(settings),
    )


def _cleaned(settings: Settings, rules: Ruleset, dump: str | None, name: str, to: Target) -> Cleaned:
    store, chosen = choose_cleaned(settings, name, dump, to)
    public_key = settings.keys.locate(settings.keys.public_key)
    return Cleaned(store, chosen, public_key, rules, limits_of(settings), cache_of(settings))


def run(plan: Plan, observer: Observer | None = None, *, confirm: Confirm = nobody_confirms) -> Report:
    """Refresh the target; what is certainly passing is tried again from a clean start.

    Args:
        plan: what to do.
        observer: is told about progress.
        confirm: is asked once whether a target that is not on this machine is meant.

    Raises:
        DeadlinePassed: it took longer than the settings allow; the target is as it was.
        Failure: of any other kind; unless it is CommitInDoubt, the target is as it was.
    """
    observer = observer or Observer()
    with signals.deadline(plan.job.deadline):
        return _run(plan, observer, confirm)


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
    facts = hooks.Facts(plan.target_name, plan.source.dump.key, done.run, done.rows, report)
    hooks.after(plan.target.after, facts, plan.job.hook_limit, observer or Observer())


def _run(plan: Plan, observer: Observer, confirm: Confirm) -> Report:
    began = time.monotonic()
    introduce(plan.source.store, plan.source.dump, observer, plan.passed_over)
    plan.doubts.settle(observer)

    def first_look(_: int) -> Looked | None:
        if plan.target.s3 is not None:
            look_at_bucket(plan.target, plan.target_name, plan.production, confirm, needs_scratch=bool(plan.script))
            return None
        return look(plan.target, plan.target_name, plan.production, observer, confirm)

    looked = attempts(first_look, observer)
    if isinstance(plan.source, Encrypted):
        # Faker takes its time; gpg and the network leave enough of it before the first row.
        threading.Thread(target=fill_pools, args=(plan.source.ruleset.locale,), daemon=True).start()
    identity, stored_as = _identity(), cleaned_name(datetime.now(UTC))  # the same for every attempt
    facts = hooks.Facts(plan.target_name, plan.source.dump.key, identity)
    hooks.before(plan.target.before, facts, plan.job.hook_limit, observer)

    def attempt(number: int) -> tuple[str, Attempt, Published]:
        this = Attempt(
            number, remote=looked is None or looked.remote, known=looked.known if looked is not None else None
        )
        name = identity if number == 1 else f"{identity}-{number}"
        try:
            if looked is None:
                return name, this, _store(plan, name, this, observer, stored_as)
            return name, this, _refresh(plan, name, this, observer, looked)
        finally:
            process.kill_all()

    identity, this, published = attempts(attempt, observer)
    return _report(plan, identity, this, published, time.monotonic() - began)


def _refresh(plan: Plan, identity: str, this: Attempt, observer: Observer, looked: Looked) -> Published:
    """One attempt on a database: the whole chain, from the bucket to the commit."""
    guard, wanted = looked.guard, plan.target.verify_first
    with (
        reached(plan.target, plan.target_name, observer, allowed=guard.check_host) as there,
        plan.source.opened(this, observer, verify_first=looked.remote if wanted is None else wanted) as opened,
    ):
        looked.refuse_another(there)
        return publish(
            opened.events,
            there.url,
            lambda: _slip(plan, identity, this),
            run=identity,
            strategy=plan.target.strategy,
            maintenance=plan.target.maintenance_database,
            allow_superuser=plan.target.allow_superuser,
            guard=guard,
            keep_previous=plan.target.keep_previous,
            connections=plan.target.connections,
            dump_others=dump_others(plan.programs),
            script=plan.script,
            observer=observer,
            stopwatch=this.stopwatch,
        )


def _store(plan: Plan, identity: str, this: Attempt, observer: Observer, name: str) -> Published:
    """One attempt on a bucket. It sees nothing before all is proved; a scratch server on another machine would."""
    wanted = plan.target.verify_first
    elsewhere = bool(plan.script) and is_elsewhere(plan.target.scratch)
    cleaning = Cleaning(
        source=plan.source,
        name=name,
        target=plan.target,
        script=plan.script,
        programs=plan.programs,
        guard=Guard(plan.production),
        slip=lambda: _slip(plan, identity, this),
        observer=observer,
    )
    with plan.source.opened(this, observer, verify_first=elsewhere if wanted is None else wanted) as opened:
        return store_cleaned(cleaning, opened, this)


def _slip(plan: Plan, identity: str, this: Attempt) -> Receipt:
    name, cleaned = plan.source.dump.key, ""
    if this.mark is not None:
        name, cleaned = this.mark.dump, name
    return Receipt(identity, name, this.fingerprint, __version__, plan.target_name, publisher(), cleaned)


def _identity() -> str:
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"


def _report(plan: Plan, identity: str, this: Attempt, published: Published, seconds: float) -> Report:
    assert this.end is not None
    dump = plan.source.dump
    return Report(
        dump=DumpReport(dump.key, dump.size, dump.modified.isoformat()),
        cleaned_from=this.mark.dump if this.mark else None,
        target=plan.target_name,
        run=identity,
        ruleset=this.fingerprint,
        rows=published.rows,
        bytes=this.end.size,
        total_seconds=round(seconds, 3),
        attempts=this.number,
        stages={name: round(value, 3) for name, value in this.stopwatch.seconds.items()},
        tables=_tables(this, published),
        left_out=dict(published.left_out),
        carried_types=published.carried_types,
        changed_types=published.changed_types,
        warnings=list(this.sanitiser.warnings) if this.sanitiser else [],
        strategy=published.strategy,
        disconnected_seconds=published.disconnected.seconds if published.disconnected else None,
        after_load=published.after_load,
        stored=list(published.stored),
        leak_check=_leak_check(this),
    )


def _leak_check(this: Attempt) -> LeakReport | None:
    """What was compared; None where it was not now, or the ruleset turns it off."""
    compared = this.sanitiser.compared if this.sanitiser else None
    return LeakReport(**asdict(compared)) if compared else None


def _tables(this: Attempt, published: Published) -> list[TableReport]:
    """What became of each table; of a dump that was cleaned before, only its rows are known."""
    if this.sanitiser is None:
        return [TableReport(name, rows, rows, {}, {}) for name, rows in published.tables.items()]
    return [
        TableReport(
            name,
            table.rows_in,
            table.rows_out,
            dict(table.replaced),
            {column: list(fakes) for column, fakes in table.samples.items()},
        )
        for name, table in this.sanitiser.report().items()
    ]
