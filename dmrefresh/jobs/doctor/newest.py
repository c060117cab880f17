"""The newest dump, the one that a refresh would take, and whether this machine can open and clean it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from contextlib import closing

from dmrefresh.bucket.store import Listed, Store
from dmrefresh.console.showing import ago, moment
from dmrefresh.dump.events import Head, head_of
from dmrefresh.dump.judging import course
from dmrefresh.dump.judging.after_load import Script, script_of
from dmrefresh.dump.reader import read_dump
from dmrefresh.errors import Failure, UsageFailure
from dmrefresh.jobs.doctor.checking import Check, Needs, Once, Said
from dmrefresh.jobs.doctor.keys import Private
from dmrefresh.jobs.dumps.choosing import choice
from dmrefresh.jobs.dumps.taking import Chosen, no_dump, not_empty
from dmrefresh.jobs.limits import limits_of
from dmrefresh.jobs.refresh.encrypted import Encrypted
from dmrefresh.jobs.rulesets.rules import read_ruleset, sanitiser_key
from dmrefresh.observer import Keeping
from dmrefresh.report.words import size
from dmrefresh.settings.model import Settings
from dmrefresh.stages.gpg import decrypt
from dmrefresh.stages.gzip import gunzip
from dmrefresh.stages.s3 import fetch
from sanitisers import Ruleset


class Newest:
    """The newest dump of a stage, and the ruleset that is to clean it.

    Args:
        settings: all of them.
        stage: whose dumps.
        store: the bucket.
        there: raises what keeps the bucket from being looked at.
        private: the private key; raises what keeps it from being used.
    """

    def __init__(
        self, settings: Settings, stage: str, store: Store, there: Callable[[], object], private: Callable[[], Private]
    ) -> None:
        self._settings = settings
        self._stage = stage
        self._store = store
        self._there = there
        self._private = private
        self._dumps = Once("dump.newest", self._list)
        self._taken = Once("dump.newest", self._choose)
        self._ruleset = Once("ruleset", self._read)
        self.head = Once("dump.opens", self._open)

    def checks(self) -> list[Check]:
        """What is looked at here."""
        return [
            Check("ruleset", self._says_ruleset),
            Check("dump.newest", self._says_newest),
            Check("dump.taken", self._says_taken),
            Check("dump.opens", self._says_opens, 120),
            Check("dump.ruleset", self._says_covered),
            Check("disk", self._says_disk),
        ]

    def script(self) -> Script:
        """What the ruleset has done after the load; raises `Needs` where the ruleset is not right."""
        return self._ruleset()[1]

    def _list(self) -> list[Listed]:
        self._there()
        found, _ = not_empty(self._store.listed(self._stage))
        if not found:
            raise no_dump(self._store, self._stage)
        return found

    def _says_newest(self) -> Said:
        newest = self._dumps()[0]
        return Said(f"{newest.key} is of {moment(newest.taken)}, {ago(newest.taken)} old, {size(newest.size)}")

    def _choose(self) -> Chosen:
        return choice(self._settings, self._store, self._stage, self._dumps())

    def _says_taken(self) -> Said:
        """What a refresh would say to it: by the very same words."""
        taken, newest = self._taken(), self._dumps()[0].key
        for refusal in taken.doubts.refusals:
            raise refusal
        said = [*taken.passed_over, *taken.doubts.warnings]
        if not said:
            return Said(f"a refresh takes {taken.dump.key}, which was read back after it was stored")
        record = f"dmrefresh check-dump {newest} --record"
        is_read = taken.dump.key == newest and taken.dump.sha256 is not None
        return Said("; ".join(said), next="see what became of the backup" if is_read else record)

    def _open(self) -> Head:
        """Everything before the first row; the download ends there."""
        dump = self._taken().dump
        keyring = self._private().keyring
        with closing(decrypt(fetch(self._store, dump), keyring)) as plain:
            return head_of(read_dump(gunzip(plain), limits=limits_of(self._settings)))

    def _says_opens(self) -> Said:
        head = self.head()
        course.check_head(head)
        return Said(
            f"the private key opens it: PostgreSQL {head.server_version}, {len(head.schema.tables)} tables; whether it "
            "is whole, check-dump tells"
        )

    def _read(self) -> tuple[Ruleset, Script]:
        rules = read_ruleset(self._settings.ruleset.path)
        return rules, script_of(rules)

    def _says_ruleset(self) -> Said:
        rules, _ = self._ruleset()
        return Said(f"{self._settings.ruleset.path} names {len(rules.tables)} tables")

    def _says_covered(self) -> Said:
        (rules, _), head = self._ruleset(), self.head()
        keeping = Keeping()
        settings = self._settings
        dump = self._taken().dump
        source = Encrypted(
            self._store,
            dump,
            settings.keys.files(),
            rules,
            sanitiser_key(settings),
            limits_of(settings),
            signed=settings.dumps.signed,
        )
        source.check_head(head, keeping)
        if keeping.warnings:
            more = f", and {len(keeping.warnings) - 1} more" if len(keeping.warnings) > 1 else ""
            return Said(f"the ruleset covers it; {keeping.warnings[0]}{more}", next="dmrefresh sanitisers check")
        return Said("the ruleset covers every column of it")

    def _says_disk(self) -> Said:
        place = tempfile.gettempdir()
        try:
            free = shutil.disk_usage(place).free
        except OSError as error:
            raise UsageFailure(f"{place} cannot be looked at: {error.strerror}.", hint="set TMPDIR") from None
        said = f"{size(free)} are free in {place}"
        try:
            needed = self._taken().dump.size
        except Failure:
            raise Needs("dump.newest") from None
        if free < needed:
            raise UsageFailure(
                f"{said}, and the dump takes {size(needed)} there.",
                hint="point TMPDIR to a folder with more room",
            )
        if free < 2 * needed:
            return Said(
                f"{said}; a refresh takes {size(needed)} of it, one of a bucket twice that",
                next="point TMPDIR to a folder with more room",
            )
        return Said(f"{said}, where a refresh keeps the dump, {size(needed)}")
