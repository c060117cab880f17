"""What there is to say at the end of a run that went well, whichever way it is shown."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from dmrefresh.console.pace import busiest
from dmrefresh.console.showing import ago
from dmrefresh.console.text import counted
from dmrefresh.console.voice import Figures
from dmrefresh.durations import lasted
from dmrefresh.report.facts import columns_replaced
from dmrefresh.report.model import BackupReport, Report
from dmrefresh.report.words import size

READ_BACK = {
    "full": "read back from there: the private key opens it, it is whole, and every table has the rows that were sent",
    "quick": "the private key opens it; nobody has read it to its end, and no note beside it says that it is whole",
    "no": "it was not read back: whether it can be restored is not known",
}


@dataclass(frozen=True, slots=True)
class Closing:
    """The end of a run.

    Attributes:
        title: what was done, in a few words.
        headline: the same with its figures, in a sentence.
        took: how long it took.
        facts: what there is to know about it, each with its name.
        stages: busy seconds of each stage, the busiest first.
        warnings: what to look at, though all went well.
        next: what to do now: a command.
        figures: the same as flat fields, for machines.
    """

    title: str
    headline: str
    took: str
    facts: tuple[tuple[str, str], ...]
    stages: tuple[tuple[str, float], ...]
    next: str
    warnings: tuple[str, ...] = ()
    figures: Figures = field(default_factory=dict)

    @property
    def seconds_by_stage(self) -> str:
        """Which stage was busy for how long, the busiest first."""
        return ", ".join(f"{name} {seconds:.1f}" for name, seconds in self.stages if seconds >= 0.05)

    @property
    def slowest(self) -> str:
        """The stage that was busy longest; nothing where none was."""
        return busiest(dict(self.stages)) or ""


def of_refresh(report: Report, page: Path | None = None) -> Closing:
    """The end of a refresh.

    Args:
        report: what was done.
        page: the report of it for people, if there is one.
    """
    tables = [table for table in report.tables if table.replaced]
    values = sum(sum(table.replaced.values()) for table in tables)
    columns = sum(columns_replaced(table.replaced) for table in tables)
    removed = sum(max(table.rows_in - table.rows_out, 0) for table in report.tables)
    replaced = "sanitised when it was cleaned" if report.cleaned_from is not None else f"{values:,} values replaced"
    stages = _by_seconds(report.stages)
    facts = {
        "from": _from(report),
        "rows": f"{report.rows:,} in {counted(len(report.tables), 'table')}"
        + (f"; {removed:,} left out by the ruleset" if removed else ""),
        "sanitised": None
        if report.cleaned_from is not None
        else f"{counted(columns, 'column')} of {counted(len(tables), 'table')}, {counted(values, 'value')}",
        "leak check": _leak_check(report),
        "stored as": " and ".join(report.stored) or None,
        "disconnected": None
        if report.disconnected_seconds is None
        else f"nobody could connect for {report.disconnected_seconds:.1f} s, while the databases were renamed",
        "report": str(page) if page is not None else None,
    }
    warnings = [report.fell_back] if report.fell_back is not None else []
    if report.changed_types:
        names = ", ".join(report.changed_types)
        warnings.append(
            f"these types differ from before; sessions that prepared statements with them reconnect: {names}"
        )
    return Closing(
        title=f"{report.target} is refreshed",
        took=_lasted(report),
        headline=f"{report.target} is refreshed: {report.rows:,} rows in {counted(len(report.tables), 'table')}, "
        f"{replaced}, {report.total_seconds:.1f} s{in_attempts(report.attempts)}",
        facts=_those_that_hold(facts),
        stages=stages,
        next=_next(report),
        warnings=tuple(warnings),
        figures={
            "target": report.target,
            "run": report.run,
            "dump": report.dump.name,
            "dump_bytes": report.dump.size,
            "cleaned_from": report.cleaned_from,
            "rows": report.rows,
            "rows_removed": removed,
            "tables": len(report.tables),
            "columns_sanitised": columns,
            "values_replaced": values,
            **_took(report, stages),
            "strategy": report.strategy,
            "report": str(page) if page is not None else None,
        },
    )


def of_backup(report: BackupReport, page: Path | None = None) -> Closing:
    """The end of a backup; see `of_refresh`."""
    rows, stages = sum(report.rows.values()), _by_seconds(report.stages)
    facts = {
        "stored object": looked_at(report),
        "in": f"the bucket {report.bucket}, {size(report.size)}",
        "rows": f"{rows:,} in {counted(len(report.rows), 'table')}, {size(report.bytes)} of SQL",
        "encrypted to": report.encrypted_to + (", and signed" if report.signed else ""),
        "report": str(page) if page is not None else None,
    }
    unread = f"dmrefresh check-dump {shlex.quote(report.name)} --record"
    return Closing(
        title=f"{report.name} is stored",
        took=_lasted(report),
        headline=stored(report),
        facts=_those_that_hold(facts),
        stages=stages,
        next=unread if report.read_back != "full" else f"dmrefresh dumps --stage {shlex.quote(report.stage)}",
        figures={
            "stage": report.stage,
            "dump": report.name,
            "dump_bytes": report.size,
            "bucket": report.bucket,
            "sha256": report.sha256,
            "rows": rows,
            "tables": len(report.rows),
            "read_back": report.read_back,
            **_took(report, stages),
            "report": str(page) if page is not None else None,
        },
    )


def stored(report: BackupReport) -> str:
    """What a backup has stored, in a line."""
    return (
        f"{report.name} is stored in the bucket {report.bucket}: {report.size / 1e6:,.1f} MB, "
        f"{sum(report.rows.values()):,} rows in {len(report.rows)} tables, {report.total_seconds:.1f} s"
        f"{in_attempts(report.attempts)}"
    )


def looked_at(report: BackupReport) -> str:
    """How a backup was read back, in a line."""
    return READ_BACK[report.read_back]


def in_attempts(count: int) -> str:
    """How often it was tried, where that was not once."""
    return f", in {count} attempts" if count > 1 else ""


def _lasted(report: Report | BackupReport) -> str:
    seconds = report.total_seconds
    return (f"{seconds:.1f} s" if seconds < 60 else lasted(seconds)) + in_attempts(report.attempts)


def _took(report: Report | BackupReport, stages: tuple[tuple[str, float], ...]) -> Figures:
    slowest = busiest(dict(stages))
    return {
        "attempts": report.attempts,
        "seconds": report.total_seconds,
        "slowest": slowest,
        "slowest_seconds": None if slowest is None else round(dict(stages)[slowest], 3),
    }


def _by_seconds(stages: Mapping[str, float]) -> tuple[tuple[str, float], ...]:
    return tuple(sorted(stages.items(), key=lambda one: -one[1]))


def _those_that_hold(facts: Mapping[str, str | None]) -> tuple[tuple[str, str], ...]:
    return tuple((name, fact) for name, fact in facts.items() if fact is not None)


def _from(report: Report) -> str:
    age = f"stored {ago(datetime.fromisoformat(report.dump.modified))} ago"
    made = f", made of {report.cleaned_from}" if report.cleaned_from is not None else ""
    return f"{report.dump.name}, {size(report.dump.size)}, {age}{made}"


def _leak_check(report: Report) -> str | None:
    if report.leak_check is None:
        return None
    checked = report.leak_check
    some = f", one in {checked.one_in} of them" if checked.one_in > 1 else ""
    found = f"{checked.by_chance:,}" if checked.by_chance else "none"
    chance = ", as many as are the same by chance" if checked.by_chance else ""
    return f"{found} of {checked.originals:,} originals among {checked.kept:,} kept values{some}{chance}"


def _next(report: Report) -> str:
    """What somebody does after a refresh."""
    target = "TARGET" if " " in report.target else shlex.quote(report.target)  # one that was given by its URL
    if report.stored:
        return f"dmrefresh clean-and-apply --from {target} --target local"
    return f"dmrefresh status --target {target}"
