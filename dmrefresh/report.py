"""What a refresh did, for machines and for the closing lines: counts, seconds, fakes; never an original."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from dmrefresh.errors import PublishedButUnfinished, UsageFailure


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
class Report:
    """A finished refresh. Seconds by stage are busy time; stages overlap, so they may exceed the total.

    `bytes` are those of the plain text of the dump.
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
    version: int = 1

    def write(self, file: Path) -> None:
        """Write it as JSON.

        Raises:
            PublishedButUnfinished: the file cannot be written.
        """
        write(file, asdict(self), state="The target is refreshed.")


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
        file.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise PublishedButUnfinished(
            f"The report cannot be written to {file}: {error.strerror}.", state=state
        ) from None


def prepare(file: Path) -> None:
    """Find out before anything is done whether a report can be written to this file.

    Raises:
        UsageFailure: it cannot.
    """
    place = file if file.exists() else file.parent
    if not place.exists() or not os.access(place, os.W_OK) or file.is_dir():
        raise UsageFailure(f"The report cannot be written to {file}.", hint="name a file in a folder that exists")
