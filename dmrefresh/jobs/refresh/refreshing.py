"""One run of a refresh: attempts from a clean start, and where a dump is damaged, an older one if that is wanted."""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING

from dmrefresh import __version__
from dmrefresh.bucket.store import Gone, Replaced, cleaned_name
from dmrefresh.console.showing import ago
from dmrefresh.dump.mark import NoMark
from dmrefresh.dump.note import Renamed
from dmrefresh.errors import DumpDamaged
from dmrefresh.jobs.attempts import Patience, attempts
from dmrefresh.jobs.dumps.choosing import DumpChanged
from dmrefresh.jobs.dumps.taking import introduce
from dmrefresh.jobs.refresh import hooks
from dmrefresh.jobs.refresh.encrypted import Encrypted
from dmrefresh.jobs.refresh.finding import Found
from dmrefresh.jobs.refresh.other_schemas import dump_others
from dmrefresh.jobs.refresh.reporting import report_of
from dmrefresh.jobs.refresh.source import Attempt
from dmrefresh.jobs.refresh.to_bucket import Cleaning, store_cleaned
from dmrefresh.jobs.targets.looking import Confirm, Looked, look, look_at_bucket
from dmrefresh.keys.signatures import NotSigned
from dmrefresh.machine import process
from dmrefresh.observer import Observer
from dmrefresh.postgres.guard import Guard
from dmrefresh.postgres.reach import connect
from dmrefresh.postgres.reach.reaching import reached
from dmrefresh.postgres.receipt import Receipt, publisher
from dmrefresh.postgres.scratch import is_elsewhere
from dmrefresh.postgres.strategies.publish import Published, publish
from dmrefresh.report.model import Report
from dmrefresh.report.runs import new_identity
from sanitisers.pools import fill as fill_pools

if TYPE_CHECKING:
    from dmrefresh.jobs.refresh.clean_and_apply import Plan

_OLDER = 5
"""How many older dumps are tried at most."""
_SOMEBODY_ELSE = (NotSigned, NoMark, DumpChanged, Renamed)
"""What is no damage, though the dump is not to be used: a person must look at who wrote it."""


@dataclass(slots=True)
class Run:
    """A run, and how far it has come.

    Attributes:
        plan: what to do.
        observer: is told about progress.
        confirm: is asked once whether a target that is not on this machine is meant.
        patience: how often it is begun again; keeps what came of each attempt.
        found: the dump that is taken now.
    """

    plan: Plan
    observer: Observer
    confirm: Confirm
    patience: Patience
    found: Found
    damaged: list[str] = field(default_factory=list)
    identity: str = field(default_factory=new_identity)
    stored_as: str = field(default_factory=lambda: cleaned_name(datetime.now(UTC)))
    _looked: Looked | None = None
    _ready: bool = False
    _lost: bool = False

    def whole(self) -> Report:
        """From the first look to the commit; raises as `clean_and_apply.run`."""
        began = time.monotonic()
        identity, this, published = self._published()
        seconds = round(time.monotonic() - began, 3)
        report = report_of(self.found.dump, self.plan.target_name, identity, this, published, seconds)
        return replace(report, tries=list(self.patience.tries), damaged=self.damaged, fell_back=self._fell_back())

    def _fell_back(self) -> str | None:
        """That an older dump was taken, how old it is, and why, as a sentence."""
        if not self.damaged:
            return None
        return f"{self._aged()} was taken instead of what is newer and damaged: {', '.join(self.damaged)}."

    def _aged(self) -> str:
        """The dump's name, and how old it is."""
        dump = self.found.dump
        return dump.key if dump.taken is None else f"{dump.key}, which is {ago(dump.taken)} old,"

    def _published(self) -> tuple[str, Attempt, Published]:
        try:
            return self._take(self.found)
        except _SOMEBODY_ELSE:
            raise
        except DumpDamaged as damaged:
            if damaged.retry:  # by the way, or there was no time to see: nothing is known against the dump itself
                raise
            if self.plan.fall_back:
                return self._take_older(damaged)
            if not self.plan.named:
                hint = f"{damaged.hint}; " if damaged.hint else ""
                damaged.hint = f"{hint}--fall-back takes the newest older dump that is whole"
            raise

    def _take_older(self, damaged: DumpDamaged) -> tuple[str, Attempt, Published]:
        """Take the newest older dump that is whole; where there is none, the damage of the first is told."""
        last = damaged
        for found in islice(self.found.older(), _OLDER):
            self.damaged.append(self.found.dump.key)
            self.observer.warn(f"an older dump is taken instead of {self.damaged[-1]} (--fall-back): {last.what}")
            try:
                return self._take(found)
            except _SOMEBODY_ELSE:
                raise
            except DumpDamaged as another:
                if another.retry:
                    raise
                last = another
        tried = len(self.damaged)
        others = f"{tried} older were tried and are" if tried > 1 else "An older one was tried and is"
        damaged.what += f" {others} damaged too." if tried else " There is no older dump."
        raise damaged

    def _take(self, found: Found) -> tuple[str, Attempt, Published]:
        self._accept(found)
        return attempts(self._attempt, self.observer, self.patience, doing="refresh", dump=lambda: self.found.dump.key)

    def _accept(self, found: Found) -> None:
        """Say which dump it is and what speaks against it; raises what refuses it."""
        self.found, self._lost = found, False
        introduce(found.dump, self.observer, found.passed_over)
        found.doubts.settle(self.observer)

    def _attempt(self, number: int) -> tuple[str, Attempt, Published]:
        identity = self.identity if number == 1 else f"{self.identity}-{number}"
        try:
            if self._lost:
                self._accept(self.found.again())
            if not self._ready:
                self._get_ready()
            looked = self._looked
            this = Attempt(
                number, remote=looked is None or looked.remote, known=looked.known if looked is not None else None
            )
            if looked is None:
                return identity, this, self._store(identity, this)
            return identity, this, self._refresh(identity, this, looked)
        except (Gone, Replaced):
            self._lost = True
            raise
        finally:
            process.kill_all()

    def _get_ready(self) -> None:
        """Once in a run: look at the target, have it confirmed, run its commands that come before."""
        plan, observer = self.plan, self.observer
        if plan.bucket is not None:
            needs_scratch = bool(plan.script)
            look_at_bucket(
                *(plan.bucket, plan.target, plan.target_name, plan.production, self.confirm),
                needs_scratch=needs_scratch,
            )
        else:
            self._looked = look(plan.target, plan.target_name, plan.production, observer, self.confirm)
        if isinstance(self.found.source, Encrypted):
            # Faker takes its time; gpg and the network leave enough of it before the first row.
            locale = self.found.source.ruleset.locale
            threading.Thread(target=fill_pools, args=(locale,), daemon=True).start()
        facts = hooks.Facts(plan.target_name, self.found.dump.key, self.identity)
        hooks.before(plan.target.before, facts, plan.job.hook_limit, observer)
        self._ready = True

    def _refresh(self, identity: str, this: Attempt, looked: Looked) -> Published:
        """One attempt on a database: the whole chain, from the bucket to the commit."""
        plan, source, observer = self.plan, self.found.source, self.observer
        guard, wanted = looked.guard, plan.target.verify_first
        with contextlib.ExitStack() as stack:
            there = stack.enter_context(reached(plan.target, plan.target_name, observer, allowed=guard.check_host))
            if this.number > 1:  # one that is still down is noticed before all is fetched again
                with connect.session(there.url):
                    pass
            verify_first = looked.remote if wanted is None else wanted
            opened = stack.enter_context(source.opened(this, observer, verify_first=verify_first))
            looked.refuse_another(there)
            return publish(
                opened.events,
                there.url,
                lambda: self._slip(identity, this),
                run=identity,
                strategy=plan.target.strategy,
                maintenance=plan.target.maintenance_database,
                allow_superuser=plan.target.allow_superuser,
                guard=guard,
                keep_previous=plan.target.keep_previous,
                connections=plan.target.connections,
                toast_compression=plan.target.toast_compression,
                dump_others=dump_others(plan.programs),
                limits=plan.limits,
                script=plan.script,
                observer=observer,
                stopwatch=this.stopwatch,
            )

    def _store(self, identity: str, this: Attempt) -> Published:
        """One attempt on a bucket. It sees nothing before all is proved; a scratch server on another machine would."""
        plan, source = self.plan, self.found.source
        wanted = plan.target.verify_first
        elsewhere = bool(plan.script) and is_elsewhere(plan.target.scratch)
        assert plan.bucket is not None, "no database was looked at"
        cleaning = Cleaning(
            source=source,
            name=self.stored_as,  # the same for every attempt
            store=plan.bucket,
            scratch=plan.target.scratch,
            script=plan.script,
            programs=plan.programs,
            limits=plan.limits,
            guard=Guard(plan.production),
            slip=lambda: self._slip(identity, this),
            observer=self.observer,
        )
        with source.opened(this, self.observer, verify_first=elsewhere if wanted is None else wanted) as opened:
            return store_cleaned(cleaning, opened, this)

    def _slip(self, identity: str, this: Attempt) -> Receipt:
        name, cleaned = self.found.dump.key, ""
        if this.mark is not None:
            name, cleaned = this.mark.dump, name
        return Receipt(identity, name, this.fingerprint, __version__, self.plan.target_name, publisher(), cleaned)
