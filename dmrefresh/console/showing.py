"""What commands that only look print: as text for people, as one object for machines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta

from dmrefresh.console.text import printable
from dmrefresh.report.words import size


@dataclass(frozen=True, slots=True)
class Status:
    """What a target holds; times in ISO 8601, None for what does not apply or is not known.

    Attributes:
        target: its name in the settings.
        refreshed: whether it ever was.
        refreshed_at, dump, ruleset, dmrefresh, rows, by, role, strategy, run: what the last receipt says.
        cleaned: the cleaned dump by which the data came, or for a bucket, in which it lies.
        rolled_back_to: the run whose data was put back, if that was what happened last.
        as_published: whether the tables are those of the receipt, and nobody has replaced them since.
        kept: whether what was there before can be put back.
        kept_until: when it expires, or has expired.
        under_way: whether a refresh is writing at the moment.
        under_way_since, under_way_role, under_way_run: which.
    """

    target: str
    refreshed: bool = False
    refreshed_at: str | None = None
    dump: str | None = None
    cleaned: str | None = None
    ruleset: str | None = None
    dmrefresh: str | None = None
    rows: int | None = None
    by: str | None = None
    role: str | None = None
    strategy: str | None = None
    run: str | None = None
    rolled_back_to: str | None = None
    as_published: bool | None = None
    kept: bool = False
    kept_until: str | None = None
    under_way: bool = False
    under_way_since: str | None = None
    under_way_role: str | None = None
    under_way_run: str | None = None
    version: int = 1

    def json(self) -> str:
        """One flat object."""
        return json.dumps(asdict(self))

    def text(self) -> str:
        """Lines for people."""
        lines = [self._headline(), *self._details(), *self._warnings()]
        return "\n".join(printable(line) for line in lines)

    def _headline(self) -> str:
        if not self.refreshed:
            return f"{self.target} was never refreshed by dmrefresh"
        when = datetime.fromisoformat(self.refreshed_at or "")
        verb = "rolled back" if self.rolled_back_to else "refreshed"
        return f"{self.target} was {verb} {moment(when)}, {ago(when)} ago"

    def _details(self) -> list[str]:
        version = f"dmrefresh {self.dmrefresh}" if self.dmrefresh else None
        by = " as ".join(part for part in (self.by, self.role) if part) or None
        rows = f"{self.rows:,}" if self.rows is not None else None
        facts = {
            "dump": self.dump,
            "cleaned dump": self.cleaned,
            "rows": rows,
            "ruleset": self.ruleset,
            "by": ", with ".join(part for part in (by, version) if part) or None,
            "strategy": self.strategy,
            "run": self.run,
            "data of run": self.rolled_back_to,
            "kept": self._kept() if self.refreshed and self.strategy != "s3" else None,
        }
        return [f"  {name:<12} {value}" for name, value in facts.items() if value]

    def _kept(self) -> str:
        if self.kept_until is None:
            return "nothing to go back to"
        ends = datetime.fromisoformat(self.kept_until)
        until = moment(ends)
        if not self.kept and ends > datetime.now(ends.tzinfo):
            return "the previous data is no longer what was kept, and cannot be put back; the next refresh drops it"
        if not self.kept:
            return f"the previous data expired {until}; the next refresh drops it"
        return f"the previous data, until {until}: dmrefresh rollback --target {self.target}"

    def _warnings(self) -> list[str]:
        lines = []
        if self.as_published is False:
            lines.append("  warning: these are not the tables of that refresh: somebody has replaced them since")
        if self.under_way:
            which = f" ({self.under_way_run})" if self.under_way_run else ""
            since = f" since {self.under_way_since}" if self.under_way_since else ""
            role = f" as {self.under_way_role}" if self.under_way_role else ""
            lines.append(f"  a refresh{which} is under way{since}{role}")
        return lines


@dataclass(frozen=True, slots=True)
class StoredDump:
    """A dump in the bucket.

    Attributes:
        name: the object's.
        taken: when, by its name (ISO 8601).
        size: bytes.
        verified: whether it is noted beside it that this very object was read back.
        encrypted_to: the key ids it is encrypted to, in the order of the message; None where it cannot be read
            or is no OpenPGP message. `hidden` stands for a recipient that the message does not name.
        too_old: whether it is older than the newest may be.
        small: whether it is much smaller than those before it.
    """

    name: str
    taken: str
    size: int
    verified: bool
    encrypted_to: list[str] | None
    too_old: bool = False
    small: bool = False


@dataclass(frozen=True, slots=True)
class DumpList:
    """What a bucket holds for a stage.

    Attributes:
        bucket, stage: which.
        dumps: the newest first.
        more: how many older ones are not listed.
        takes: the one that a refresh takes; None where there is none.
        refused: why a refresh refuses that one, in sentences.
    """

    bucket: str
    stage: str
    dumps: list[StoredDump] = field(default_factory=list)
    more: int = 0
    takes: str | None = None
    refused: list[str] = field(default_factory=list)
    version: int = 1

    def json(self) -> str:
        """One object; `dumps` is a list of flat ones."""
        return json.dumps(asdict(self))

    def text(self) -> str:
        """A table for people; where it is empty, what fills it."""
        if not self.dumps:
            return (
                f"No dumps of {self.stage} in the bucket {self.bucket}. The nightly backup stores them, as "
                f"{self.stage}-yyyyMMddHHmm.sql.gz.gpg; is its job running?"
            )
        rows: list[tuple[str, ...]] = [("name", "age", "size", "read back", "encrypted to", "")]
        for one in self.dumps:
            recipients = "?" if one.encrypted_to is None else " ".join(one.encrypted_to) or "nobody"
            verified = "verified" if one.verified else "—"
            age = ago(datetime.fromisoformat(one.taken))
            rows.append((one.name, age, size(one.size), verified, recipients, self._remark(one)))
        lines = aligned(rows)
        if self.more:
            lines.append(f"and {self.more} older: --all lists them")
        lines += [f"a refresh refuses: {sentence}" for sentence in self.refused]
        return "\n".join(printable(line) for line in lines)

    def _remark(self, one: StoredDump) -> str:
        """What is odd about a dump. All but a few are too old to be taken: that is said of the one that would be."""
        taken = one.name == self.takes
        remarks = {
            "small": one.small,
            "too old": one.too_old and taken,
            "taken": taken and not self.refused and one is not self.dumps[0],
        }
        return ", ".join(remark for remark, holds in remarks.items() if holds)


@dataclass(frozen=True, slots=True)
class CleanedDump:
    """A cleaned dump: its name, when it was made (ISO 8601), its size (bytes), and what was noted with it, unsigned:
    the dump that it was made of, the ruleset's fingerprint, and how many rows it holds."""

    name: str
    made: str
    size: int
    source: str | None
    ruleset: str | None
    rows: int | None


@dataclass(frozen=True, slots=True)
class CleanedList:
    """The cleaned dumps of a bucket, newest first, and how many older ones are not listed."""

    bucket: str
    target: str
    dumps: list[CleanedDump] = field(default_factory=list)
    more: int = 0
    version: int = 1

    def json(self) -> str:
        """One object; `dumps` is a list of flat ones."""
        return json.dumps(asdict(self))

    def text(self) -> str:
        """A table for people; where it is empty, what fills it."""
        if not self.dumps:
            return f"No cleaned dumps in the bucket {self.bucket}: dmrefresh clean-and-apply --target {self.target}"
        rows: list[tuple[str, ...]] = [("name", "age", "size", "rows", "made of", "ruleset")]
        for one in self.dumps:
            count = "?" if one.rows is None else f"{one.rows:,}"
            made = ago(datetime.fromisoformat(one.made))
            rows.append((one.name, made, size(one.size), count, one.source or "?", one.ruleset or "?"))
        lines = aligned(rows)
        if self.more:
            lines.append(f"and {self.more} older: --all lists them")
        return "\n".join(printable(line) for line in lines)


@dataclass(frozen=True, slots=True)
class KeptCopy:
    """A copy of a dump on this machine: of which object, when that was taken and since when it is here (ISO 8601), its
    size (bytes) and SHA-256."""

    name: str
    bucket: str
    taken: str
    kept: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class CopyList:
    """The copies in a folder of this machine, newest first, or those that were there until `cleared`."""

    folder: str
    copies: list[KeptCopy] = field(default_factory=list)
    cleared: bool = False
    version: int = 1

    def json(self) -> str:
        """One object; `copies` is a list of flat ones."""
        return json.dumps(asdict(self))

    def text(self) -> str:
        """A table for people, or what is gone; where there is nothing, what would keep one."""
        if self.cleared:
            count = f"{len(self.copies)} {'copy' if len(self.copies) == 1 else 'copies'}"
            return printable(f"thrown away: {count}, {size(sum(one.size for one in self.copies))}")
        if not self.copies:
            return "No copies are kept on this machine; `cache = true` under [dumps] keeps the newest two of a bucket."
        rows: list[tuple[str, ...]] = [("name", "age", "size", "bucket")]
        for one in self.copies:
            rows.append((one.name, ago(datetime.fromisoformat(one.taken)), size(one.size), one.bucket))
        return "\n".join(printable(line) for line in [*aligned(rows), f"in {self.folder}; --clear throws them away"])


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of cells as lines in which the columns stand below one another."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def moment(when: datetime) -> str:
    """A point in time: `2026-11-24 02:44 UTC`."""
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def ago(when: datetime) -> str:
    """How long ago it was, in one unit: `5 minutes`, `30 hours`, `3 days`."""
    passed = max(datetime.now(UTC) - when, timedelta())
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1)):
        count = int(passed.total_seconds() // length)
        if count > 1 or unit == "second":
            break
    return f"{count} {unit}" + ("" if count == 1 else "s")
