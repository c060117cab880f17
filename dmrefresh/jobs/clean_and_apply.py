"""clean-and-apply: the newest encrypted dump, sanitised in the stream, published to a target."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from dmrefresh import __version__, process, signals
from dmrefresh.dump.events import End, Event
from dmrefresh.dump.limits import Limits
from dmrefresh.dump.reader import read_dump
from dmrefresh.dump.sanitise import sanitise
from dmrefresh.jobs import hooks
from dmrefresh.jobs.attempts import attempts
from dmrefresh.jobs.dumps import choose, introduce, limits_of
from dmrefresh.jobs.looking import Confirm, Looked, look, nobody_confirms
from dmrefresh.jobs.rules import read_ruleset, sanitiser_key
from dmrefresh.jobs.verifying import verify
from dmrefresh.keys import KeyFiles, private_keyring
from dmrefresh.observer import Observer, Stopwatch
from dmrefresh.postgres.publish import Published, publish
from dmrefresh.postgres.reaching import reached
from dmrefresh.postgres.receipt import Receipt, publisher
from dmrefresh.report import DumpReport, LeakReport, Report, TableReport
from dmrefresh.settings import Job, Production, Settings, Target
from dmrefresh.stages.gpg import decrypt
from dmrefresh.stages.gzip import gunzip
from dmrefresh.stages.prefetch import prefetch
from dmrefresh.stages.s3 import fetch
from dmrefresh.stages.spool import spool
from dmrefresh.store import DumpRef, Store
from sanitisers import Ruleset, Sanitiser
from sanitisers.pools import fill as fill_pools


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a refresh needs to know, found out before it begins."""

    store: Store
    dump: DumpRef
    keys: KeyFiles
    ruleset: Ruleset
    sanitiser_key: bytes = field(repr=False)
    target_name: str
    target: Target
    limits: Limits
    production: Production = field(default_factory=Production)
    job: Job = field(default_factory=Job)


@dataclass(slots=True)
class _Attempt:
    """What one attempt found out on its way."""

    number: int
    stopwatch: Stopwatch = field(default_factory=Stopwatch)
    sanitiser: Sanitiser | None = None
    end: End | None = None
    warned: set[str] = field(default_factory=set)

    def noting(self, events: Iterable[Event]) -> Iterator[Event]:
        """The events, noting the End."""
        for event in events:
            if isinstance(event, End):
                self.end = event
            yield event


def prepare(
    settings: Settings,
    target: str,
    *,
    dump: str | None = None,
    stage: str | None = None,
    ruleset: str | None = None,
) -> Plan:
    """Find the dump, read the ruleset, look for the keys' files.

    Args:
        settings: the settings that hold.
        target: the target's name in them.
        dump: take the object of this name instead of the newest.
        stage: whose dumps to take, instead of the one in the settings.
        ruleset: a ruleset's name or file, instead of the one in the settings.

    Raises:
        Failure: something is missing; nothing was touched.
    """
    to = settings.target(target)
    rules = read_ruleset(ruleset or settings.ruleset.path)
    store, chosen = choose(settings, dump, stage)
    return Plan(
        store=store,
        dump=chosen,
        keys=settings.keys.files(),
        ruleset=rules,
        sanitiser_key=sanitiser_key(settings),
        target_name=target,
        target=to,
        limits=limits_of(settings),
        production=settings.production,
        job=settings.job,
    )


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
    facts = hooks.Facts(plan.target_name, plan.dump.key, done.run, done.rows, report)
    hooks.after(plan.target.after, facts, plan.job.hook_limit, observer or Observer())


def _run(plan: Plan, observer: Observer, confirm: Confirm) -> Report:
    began = time.monotonic()
    introduce(plan.store, plan.dump, observer)

    def first_look(_: int) -> Looked:
        return look(plan.target, plan.target_name, plan.production, observer, confirm)

    looked = attempts(first_look, observer)
    # Faker takes its time; gpg and the network leave enough of it before the first row.
    threading.Thread(target=fill_pools, args=(plan.ruleset.locale,), daemon=True).start()
    identity = _identity()
    facts = hooks.Facts(plan.target_name, plan.dump.key, identity)
    hooks.before(plan.target.before, facts, plan.job.hook_limit, observer)
    wanted = plan.target.verify_first
    verify_first = looked.remote if wanted is None else wanted

    def attempt(number: int) -> tuple[str, _Attempt, Published]:
        this, name = _Attempt(number), identity if number == 1 else f"{identity}-{number}"
        return name, this, _refresh(plan, name, this, observer, looked, verify_first=verify_first)

    identity, this, published = attempts(attempt, observer)
    return _report(plan, identity, this, published, time.monotonic() - began)


def _refresh(
    plan: Plan, identity: str, this: _Attempt, observer: Observer, looked: Looked, *, verify_first: bool
) -> Published:
    """One attempt: the whole chain, from the bucket to the commit."""

    def slip() -> Receipt:
        assert this.sanitiser is not None
        fingerprint = this.sanitiser.fingerprint
        return Receipt(identity, plan.dump.key, fingerprint, __version__, plan.target_name, publisher())

    def warn(warning: str) -> None:
        if warning not in this.warned:  # a dump that is read twice would say it twice
            this.warned.add(warning)
            observer.warn(warning)

    def ready(sanitiser: Sanitiser) -> None:
        this.sanitiser = sanitiser
        for warning in sanitiser.warnings:
            warn(warning)

    def sanitised(events: Iterable[Event]) -> Iterator[Event]:
        return sanitise(events, plan.ruleset, plan.sanitiser_key, on_ready=ready, on_warning=warn)

    guard = looked.guard
    timed = this.stopwatch.timed
    try:
        with (
            reached(plan.target, plan.target_name, observer, allowed=guard.check_host) as there,
            private_keyring(plan.keys) as keyring,
            spool(plan.dump.size) as kept,
        ):
            looked.refuse_another(there)
            observer.note("the private key is in a throw-away keyring in memory")
            ciphertext = kept.keep(timed("fetch", fetch(plan.store, plan.dump)))
            verified = timed("verify", decrypt(ciphertext, keyring))
            if verify_first:
                observer.note("the whole dump is read and sanitised once before the target sees a byte (verify_first)")
                verify(sanitised(read_dump(gunzip(verified), limits=plan.limits)), verified, observer)
            for _ in verified:
                pass  # nothing of it is believed before gpg's verdict
            observer.note("the dump is whole: gpg has verified every byte")
            # The plain text exists in memory only, a few blocks at a time.
            text = timed("gunzip", gunzip(timed("decrypt", decrypt(kept.blocks(), keyring))))
            read = prefetch(timed("read", read_dump(text, limits=plan.limits)))
            clean = prefetch(timed("sanitise", sanitised(read)))
            return publish(
                this.noting(clean),
                there.url,
                slip,
                run=identity,
                strategy=plan.target.strategy,
                maintenance=plan.target.maintenance_database,
                allow_superuser=plan.target.allow_superuser,
                guard=guard,
                keep_previous=plan.target.keep_previous,
                observer=observer,
                stopwatch=this.stopwatch,
            )
    finally:
        process.kill_all()


def _identity() -> str:
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"


def _report(plan: Plan, identity: str, this: _Attempt, published: Published, seconds: float) -> Report:
    assert this.sanitiser is not None
    assert this.end is not None
    return Report(
        dump=DumpReport(plan.dump.key, plan.dump.size, plan.dump.modified.isoformat()),
        target=plan.target_name,
        run=identity,
        ruleset=this.sanitiser.fingerprint,
        rows=published.rows,
        bytes=this.end.size,
        total_seconds=round(seconds, 3),
        attempts=this.number,
        stages={name: round(value, 3) for name, value in this.stopwatch.seconds.items()},
        tables=[
            TableReport(
                name,
                table.rows_in,
                table.rows_out,
                dict(table.replaced),
                {column: list(fakes) for column, fakes in table.samples.items()},
            )
            for name, table in this.sanitiser.report().items()
        ],
        left_out=dict(published.left_out),
        carried_types=published.carried_types,
        changed_types=published.changed_types,
        warnings=list(this.sanitiser.warnings),
        strategy=published.strategy,
        disconnected_seconds=published.disconnected.seconds if published.disconnected else None,
        leak_check=LeakReport(**asdict(this.sanitiser.compared)) if this.sanitiser.compared else None,
    )
