"""What a refresh that went well has to report."""

from __future__ import annotations

from dataclasses import asdict

from dmrefresh.bucket.store import DumpRef
from dmrefresh.jobs.refresh.source import Attempt
from dmrefresh.postgres.receipt import publisher
from dmrefresh.postgres.strategies.publish import Published
from dmrefresh.report.model import DumpReport, LeakReport, Report, TableReport
from dmrefresh.report.outcome import shown
from dmrefresh.report.timeline import timeline_of


def report_of(dump: DumpRef, target: str, identity: str, this: Attempt, published: Published, seconds: float) -> Report:
    """The report of a refresh.

    Args:
        dump: what it was made from.
        target: the target's name.
        identity: the run's.
        this: the attempt that succeeded.
        published: what came of it.
        seconds: how long all of it took.
    """
    assert this.end is not None
    return Report(
        dump=DumpReport(dump.key, dump.size, dump.modified.isoformat()),
        cleaned_from=this.mark.dump if this.mark else None,
        target=shown(target),
        run=identity,
        ruleset=this.fingerprint,
        rows=published.rows,
        bytes=this.end.size,
        total_seconds=seconds,
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
        gone=list(this.sanitiser.gone) if this.sanitiser else [],
        timeline=timeline_of(this.stopwatch),
        by=publisher(),
    )


def _leak_check(this: Attempt) -> LeakReport | None:
    """What was compared; None where it was not now, or the ruleset turns it off."""
    if this.sanitiser is None or this.sanitiser.compared is None:
        return None
    by_chance = sum(leak.values for leak in this.sanitiser.by_chance)
    return LeakReport(**asdict(this.sanitiser.compared), by_chance=by_chance)


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
