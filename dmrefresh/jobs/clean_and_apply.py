"""clean-and-apply: the newest encrypted dump, sanitised in the stream, published to a target."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from dmrefresh import __version__, process
from dmrefresh.dump.events import End, Event
from dmrefresh.dump.limits import Limits
from dmrefresh.dump.reader import read_dump
from dmrefresh.dump.sanitise import sanitise
from dmrefresh.jobs.attempts import attempts
from dmrefresh.jobs.dumps import choose, introduce, limits_of
from dmrefresh.jobs.rules import read_ruleset, sanitiser_key
from dmrefresh.keys import KeyFiles, private_keyring
from dmrefresh.observer import Observer, Stopwatch
from dmrefresh.postgres.publish import Published, publish
from dmrefresh.postgres.receipt import Receipt
from dmrefresh.report import DumpReport, Report, TableReport
from dmrefresh.settings import Settings, Target
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


@dataclass(slots=True)
class _Attempt:
    """What one attempt found out on its way."""

    number: int
    stopwatch: Stopwatch = field(default_factory=Stopwatch)
    sanitiser: Sanitiser | None = None
    end: End | None = None

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
    )


def run(plan: Plan, observer: Observer | None = None) -> Report:
    """Refresh the target; what is certainly passing is tried again from a clean start.

    Raises:
        Failure: of any kind; unless it is CommitInDoubt, the target is as it was.
    """
    observer = observer or Observer()
    began = time.monotonic()
    introduce(plan.store, plan.dump, observer)
    # Faker takes its time; gpg and the network leave enough of it before the first row.
    threading.Thread(target=fill_pools, args=(plan.ruleset.locale,), daemon=True).start()

    def attempt(number: int) -> tuple[str, _Attempt, Published]:
        this, identity = _Attempt(number), _identity()
        return identity, this, _refresh(plan, identity, this, observer)

    identity, this, published = attempts(attempt, observer)
    return _report(plan, identity, this, published, time.monotonic() - began)


def _refresh(plan: Plan, identity: str, this: _Attempt, observer: Observer) -> Published:
    """One attempt: the whole chain, from the bucket to the commit."""

    def slip() -> Receipt:
        assert this.sanitiser is not None
        return Receipt(identity, plan.dump.key, this.sanitiser.fingerprint, __version__)

    def ready(sanitiser: Sanitiser) -> None:
        this.sanitiser = sanitiser
        for warning in sanitiser.warnings:
            observer.warn(warning)

    timed = this.stopwatch.timed
    try:
        with private_keyring(plan.keys) as keyring, spool(plan.dump.size) as kept:
            observer.note("the private key is in a throw-away keyring in memory")
            ciphertext = kept.keep(timed("fetch", fetch(plan.store, plan.dump)))
            for _ in timed("verify", decrypt(ciphertext, keyring)):
                pass  # nothing of it is believed before gpg's verdict
            observer.note("the dump is whole: gpg has verified every byte")
            # The plain text exists in memory only, a few blocks at a time.
            text = timed("gunzip", gunzip(timed("decrypt", decrypt(kept.blocks(), keyring))))
            read = prefetch(timed("read", read_dump(text, limits=plan.limits)))
            clean = sanitise(read, plan.ruleset, plan.sanitiser_key, on_ready=ready, on_warning=observer.warn)
            clean = prefetch(timed("sanitise", clean))
            return publish(
                this.noting(clean),
                plan.target.url,
                slip,
                run=identity,
                allow_superuser=plan.target.allow_superuser,
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
    )
