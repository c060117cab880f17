"""What a refresh did, for machines and for the closing lines: counts, seconds, fakes; never an original."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from dmrefresh.errors import PublishedButUnfinished, UsageFailure
from dmrefresh.report.timeline import Timeline

Doing = Literal["find", "refresh", "store", "read back"]
"""What may be attempted more than once: to find the dump, to refresh the target from it; to store a backup, to read
it back."""


@dataclass(frozen=True, slots=True)
class TableReport:
    """One table: rows read and published, values replaced by column, and a fake or two of each column."""

    name: str
    rows_in: int
    rows_out: int
    replaced: dict[str, int]
    samples: dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class DumpReport:
    """The dump: its name, size (bytes) and when it was stored (ISO 8601)."""

    name: str
    size: int
    modified: str


@dataclass(frozen=True, slots=True)
class LeakReport:
    """What the leak check held against each other; of the one, it found nothing in the other that is surely a leak.

    Attributes:
        originals: different e-mail addresses, numbers and short texts that rules have replaced.
        kept: different ones in what was kept.
        one_in: where there were too many to be held in memory, one in so many was; else 1.
        by_chance: originals found in what was kept all the same: so many numbers are the same by chance.
    """

    originals: int
    kept: int
    one_in: int
    by_chance: int = 0


@dataclass(frozen=True, slots=True)
class Try:
    """An attempt, and what came of it.

    Attributes:
        number: from 1 on, of those at the same thing.
        doing: what was attempted.
        dump: the dump by its name; None where none was found by then.
        seconds: how long it took.
        exit_code: that of what went wrong; 0 where nothing did.
        what: what went wrong, in a sentence; None where nothing did.
    """

    number: int
    doing: Doing
    dump: str | None
    seconds: float
    exit_code: int
    what: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """A finished refresh. Seconds by stage are busy time; stages overlap, so they may exceed the total.

    `bytes` are those of the plain text of the dump. `strategy` says how the new data took the place of the old;
    with `database`, nobody could connect for `disconnected_seconds`. `after_load` has, for each statement that the
    ruleset has run after the load, how many rows it was about; `rows` and `tables` count what was loaded before that.
    `cleaned_from` is the dump that a cleaned one was made of; `stored` are the objects put into a bucket.
    `tries` are all attempts, of which `attempts` counts those to refresh; `damaged` are newer dumps that were, so
    that an older one was taken. `fell_back` says so in a sentence. `status` is what tells it from
    the report of a run that has failed, see `dmrefresh.report.outcome`.
    `leak_check` is None where the ruleset turns it off, or the dump was cleaned before. `gone` are the rules for what
    the dump does not have any more, a sentence each. `timeline` is that of the attempt that succeeded; `by` is who ran
    it, where.
    """

    dump: DumpReport
    target: str
    run: str
    ruleset: str
    rows: int
    bytes: int
    total_seconds: float
    attempts: int
    stages: dict[str, float]
    tables: list[TableReport]
    left_out: dict[str, int]
    carried_types: list[str]
    changed_types: list[str]
    warnings: list[str]
    strategy: str = "schema"
    disconnected_seconds: float | None = None
    after_load: list[tuple[str, int]] = field(default_factory=list)
    cleaned_from: str | None = None
    stored: list[str] = field(default_factory=list)
    leak_check: LeakReport | None = None
    tries: list[Try] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    fell_back: str | None = None
    gone: list[str] = field(default_factory=list)
    timeline: Timeline | None = None
    by: str | None = None
    status: str = "succeeded"
    exit_code: int = 0
    version: int = 1

    @property
    def standing(self) -> str:
        """What there is now, in a sentence."""
        return "The target is refreshed."

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self)


@dataclass(slots=True)
class Contents:
    """What a dump was found to hold: versions, encoding, rows by table, bytes of SQL.

    `left_out` counts the statements, by kind, that a refresh does not execute; `refused` says why it would refuse the
    dump, where that was no failure. `said` are the rows by table that the dump itself says it has, if it does.
    """

    server_version: str = ""
    dump_version: str = ""
    encoding: str = ""
    tables: dict[str, int] = field(default_factory=dict)
    rows: int = 0
    bytes: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    refused: str | None = None
    said: dict[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """A dump that passed: its name, its size in the bucket (bytes), and what it holds; None after a quick check.

    `recorded` is the note that now lies beside it in the bucket, if one was put there.
    """

    name: str
    size: int
    contents: Contents | None
    version: int = 1
    recorded: str | None = None

    def write(self, file: Path) -> None:
        """Write it as JSON.

        Raises:
            PublishedButUnfinished: the file cannot be written.
        """
        write(file, asdict(self), state="The dump is whole; nothing was changed.")


@dataclass(frozen=True, slots=True)
class BackupReport:
    """A backup that is stored. Seconds by stage are busy time; stages overlap, so they may exceed the total.

    `size` and `sha256` are those of the object, `bytes` those of the dump's plain text; `rows` by table are what
    pg_dump sent. `read_back` says how the stored object was looked at since: `full`, to its end; `quick`, by its
    beginning alone; `no`, not at all, and then `why_not` says why. `noted` is the note beside it that says so, if one
    was put there. `refused` is why a refresh would refuse it, though it is whole. `tries` are all attempts, those to
    read it back among them; `attempts` counts those to store it.
    """

    name: str
    bucket: str
    stage: str
    size: int
    sha256: str
    version_id: str | None
    encrypted_to: str
    signed: bool
    bytes: int
    rows: dict[str, int]
    attempts: int
    total_seconds: float
    stages: dict[str, float]
    read_back: Literal["full", "quick", "no"]
    why_not: str | None = None
    noted: str | None = None
    refused: str | None = None
    tries: list[Try] = field(default_factory=list)
    timeline: Timeline | None = None
    by: str | None = None
    status: str = "succeeded"
    exit_code: int = 0
    version: int = 1

    @property
    def standing(self) -> str:
        """What there is now, in a sentence."""
        return f"{self.name} is stored in the bucket {self.bucket}."

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self)


@dataclass(slots=True)
class Filtered:
    """What went through the filter: rows read and written, values replaced, statements left out by kind."""

    rows_in: int = 0
    rows_out: int = 0
    replaced: int = 0
    left_out: Counter[str] = field(default_factory=Counter)


def write(file: Path, report: Mapping[str, object], *, state: str) -> None:
    """Write a report as JSON.

    Args:
        file: where to.
        report: what it says.
        state: what was done by now, for the error.

    Raises:
        PublishedButUnfinished: the file cannot be written.
    """
    try:
        text = json.dumps(report, indent=2, ensure_ascii=False) + "\n"
        file.write_text(text, encoding="utf-8", errors="backslashreplace")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else type(error).__name__
        raise PublishedButUnfinished(f"The report cannot be written to {file}: {why}.", state=state) from None


def prepare(file: Path) -> None:
    """Find out before anything is done whether a report can be written to this file.

    Raises:
        UsageFailure: it cannot.
    """
    place = file if file.exists() else file.parent
    if not place.exists() or not os.access(place, os.W_OK) or file.is_dir():
        raise UsageFailure(f"The report cannot be written to {file}.", hint="name a file in a folder that exists")
