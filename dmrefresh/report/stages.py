"""The stages of a run as rows of a table, the slowest of them marked, and what flowed out of them over time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dmrefresh.report import charts, words
from dmrefresh.report.timeline import StageTime, Timeline

_ROWS = 12
"""Moments that the table of the throughput has."""

MEANS = {
    "fetch": "the object comes from the bucket",
    "verify": "gpg looks at every byte before any is believed",
    "reread": "the ciphertext again, from where it was put aside",
    "decrypt": "gpg opens it",
    "gunzip": "it is unpacked",
    "worker": "a worker beside the database makes it",
    "pg_dump": "the database is read",
    "read": "the text is split into statements and rows",
    "sanitise": "rules replace values",
    "publish": "rows go to the server",
    "load": "rows go to a server for the moment",
    "checks": "rows are counted, the ruleset's statements run",
    "commit": "the new data takes the place of the old",
    "gzip": "it is compressed",
    "gpg": "it is encrypted",
    "upload": "it goes into the bucket",
    "read back": "the stored object, from the bucket to its end marker",
}
"""What happens in each stage, in a few words; in the order in which each pulls from the one before it."""


@dataclass(frozen=True, slots=True)
class StageRow:
    """A stage as the table of the stages has it; `delta` is how much longer it was busy than in another run."""

    name: str
    means: str
    began: str
    ended: str
    busy: str
    waiting: str
    bytes: str
    rate: str
    slowest: bool
    delta: str | None


def timeline_in(document: Mapping[str, Any]) -> Timeline:
    """The timeline of a report, its stages in the order of the chain; an empty one where it has none."""
    found = document.get("timeline")
    if not found:
        return Timeline()
    order = list(MEANS)
    stages = [StageTime(**one) for one in found["stages"]]
    stages.sort(key=lambda one: order.index(one.name) if one.name in MEANS else len(order))
    return Timeline(stages, found["at"], found["bytes"])


def stage_rows(document: Mapping[str, Any], other: Mapping[str, Any] | None) -> list[StageRow]:
    """The stages in the order of the chain.

    Args:
        document: the report.
        other: the report of another run, which this one is compared with.
    """
    stages = timeline_in(document).stages
    before = (other or {}).get("stages") or {}
    slowest = max((one.seconds for one in stages), default=0.0)
    return [
        StageRow(
            words.plain(one.name),
            MEANS.get(one.name, ""),
            words.seconds(one.began),
            words.seconds(one.ended),
            words.seconds(one.seconds),
            words.seconds(max(one.ended - one.began - one.seconds, 0.0)),
            "–" if one.bytes is None else words.size(one.bytes),
            words.rate(one.bytes, one.ended - one.began),
            bool(slowest) and one.seconds == slowest,
            None if other is None else words.changed(one.seconds, before[one.name]) if one.name in before else "new",
        )
        for one in stages
    ]


@dataclass(frozen=True, slots=True)
class Throughput:
    """What came out of a stage over time: a line, and its figures."""

    name: str
    chart: str
    average: str
    most: str


def throughput_lines(timeline: Timeline) -> list[Throughput]:
    """A line for each stage whose bytes were weighed for long enough."""
    lines = charts.rates(timeline)
    stages = {one.name: one for one in timeline.stages}
    end = max((one.ended for one in timeline.stages), default=0.0)
    return [
        Throughput(
            words.plain(name),
            charts.spark(lines[name], end),
            words.rate(one.bytes, one.ended - one.began),
            f"{max(max(rate for _, rate in lines[name]), _average(one)):,.1f} MB/s",
        )
        for name, one in stages.items()
        if name in lines
    ]


def _average(stage: StageTime) -> float:
    """Megabytes a second over all of its time; a moment may be longer than that."""
    return (stage.bytes or 0) / 1e6 / max(stage.ended - stage.began, 1e-6)


def throughput_rows(timeline: Timeline) -> tuple[list[str], list[list[str]]]:
    """The chart of the throughput as a table: its head, and at some moments the megabytes a second of each stage."""
    lines = charts.rates(timeline)
    if not lines:
        return [], []
    moments = sorted({moment for line in lines.values() for moment, _ in line})
    rows = []
    for moment in moments[:: max(len(moments) // _ROWS, 1)]:
        rates = [dict(line).get(moment) for line in lines.values()]
        rows.append([words.seconds(moment), *("–" if rate is None else f"{rate:,.1f}" for rate in rates)])
    return ["moment", *lines], rows
