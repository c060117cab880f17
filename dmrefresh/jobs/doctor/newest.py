"""The newest dump: how old, how large, whether it was read back, and whether this machine can open and clean it."""

from __future__ import annotations

import shutil
import statistics
import tempfile
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime

from dmrefresh.dump import course
from dmrefresh.dump.after_load import Script, script_of
from dmrefresh.dump.events import Head
from dmrefresh.dump.reader import read_dump
from dmrefresh.durations import spoken
from dmrefresh.errors import Failure, NoSuchDump, UsageFailure
from dmrefresh.jobs.doctor.checking import Check, Needs, Once, Said
from dmrefresh.jobs.doctor.keys import Private
from dmrefresh.jobs.dumps import limits_of
from dmrefresh.jobs.given import head_of
from dmrefresh.jobs.rules import read_ruleset, sanitiser_key
from dmrefresh.jobs.sources import Encrypted
from dmrefresh.observer import Observer
from dmrefresh.settings import Settings
from dmrefresh.showing import ago, moment, size
from dmrefresh.stages.gpg import decrypt
from dmrefresh.stages.gzip import gunzip
from dmrefresh.stages.s3 import fetch
from dmrefresh.store import Listed, Store
from sanitisers import Ruleset

_BEFORE = 10
"""With so many dumps before it a dump is compared."""


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
        self._ruleset = Once("ruleset", self._read)
        self.head = Once("dump.opens", self._open)

    def checks(self) -> list[Check]:
        """What is looked at here."""
        return [
            Check("ruleset", self._says_ruleset),
            Check("dump.newest", self._says_newest),
            Check("dump.size", self._says_size),
            Check("dump.verified", self._says_verified),
            Check("dump.opens", self._says_opens, 120),
            Check("dump.ruleset", self._says_covered),
            Check("disk", self._says_disk),
        ]

    def script(self) -> Script:
        """What the ruleset has done after the load; raises `Needs` where the ruleset is not right."""
        return self._ruleset()[1]

    def _list(self) -> list[Listed]:
        self._there()
        found = [one for one in self._store.listed(self._stage) if one.size]
        if not found:
            raise NoSuchDump(
                f"There is no dump of {self._stage} in {self._store.bucket}.",
                hint=f"dmrefresh backup-production --stage {self._stage}",
            )
        return found

    def _says_newest(self) -> Said:
        newest = self._dumps()[0]
        limit = self._settings.dumps.max_age
        said = f"{newest.key} is of {moment(newest.taken)}, {ago(newest.taken)} old"
        if datetime.now(UTC) - newest.taken > limit:
            return self._doubtful(
                f"{said}; more than {spoken(limit)} are too old", "see why the nightly backup did not run"
            )
        return Said(said)

    def _says_size(self) -> Said:
        newest, *before = self._dumps()[: _BEFORE + 1]
        if not before:
            return Said(f"{size(newest.size)}, with none before it to compare with")
        usual = statistics.median(one.size for one in before)
        said = f"{size(newest.size)}; the middle one of those before it has {size(round(usual))}"
        if newest.size < usual * self._settings.dumps.smallest:
            return self._doubtful(
                f"{said}, so it is less than {self._settings.dumps.smallest:.0%} of that", "see what is missing in it"
            )
        return Said(said)

    def _doubtful(self, detail: str, step: str) -> Said:
        """A warning, or what a refresh would refuse the dump for."""
        if self._settings.dumps.doubtful == "warn":
            return Said(detail, next=step)
        raise NoSuchDump(f"{detail}; a refresh refuses it.", hint=f"{step}; `doubtful` under [dumps] says what is done")

    def _says_verified(self) -> Said:
        found = self._dumps()
        if found[0].noted:
            return Said("the newest dump was read back after it was stored")
        others = [one.key for one in found if one.noted]
        detail = f"{found[0].key} was not read back after it was stored"
        detail += f"; the newest that was is {others[0]}" if others else "; none was"
        step = f"dmrefresh check-dump {found[0].key} --record"
        if not others and self._settings.dumps.unverified == "refuse":
            raise NoSuchDump(f"{detail}, and a refresh refuses such dumps.", hint=step)
        return Said(detail, next=step)

    def _open(self) -> Head:
        """Everything before the first row; the download ends there."""
        dump = self._store.named(self._dumps()[0].key)
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
        keeping = _Keeping()
        settings = self._settings
        dump = self._store.named(self._dumps()[0].key)
        source = Encrypted(
            self._store, dump, settings.keys.files(), rules, sanitiser_key(settings), limits_of(settings)
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
            needed = self._dumps()[0].size
        except Failure:
            raise Needs("dump.newest") from None
        if free < needed:
            raise UsageFailure(
                f"{said}, and the newest dump takes {size(needed)} there.",
                hint="point TMPDIR to a folder with more room",
            )
        if free < 2 * needed:
            return Said(
                f"{said}; a refresh takes {size(needed)} of it, one of a bucket twice that",
                next="point TMPDIR to a folder with more room",
            )
        return Said(f"{said}, where a refresh keeps the dump, {size(needed)}")


class _Keeping(Observer):
    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, message: str) -> None:
        self.warnings.append(message)
