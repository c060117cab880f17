"""Where the time of an attempt went: each stage from its beginning to its end, and what flowed out of it meanwhile."""

from __future__ import annotations

from dataclasses import dataclass, field

from dmrefresh.stopwatch import Stopwatch


@dataclass(frozen=True, slots=True)
class StageTime:
    """One stage. Stages overlap, and wait for one another: it was busy for less than it lasted.

    Attributes:
        name: as `stages` of the report has it.
        began, ended: seconds after the attempt began.
        seconds: that it was busy.
        bytes: that it gave, where that can be weighed; None else.
    """

    name: str
    began: float
    ended: float
    seconds: float
    bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Timeline:
    """An attempt in time.

    Attributes:
        stages: in the order in which they began.
        at: moments, in seconds after the attempt began.
        bytes: by stage, how many it had given by each of these moments.
    """

    stages: list[StageTime] = field(default_factory=list)
    at: list[float] = field(default_factory=list)
    bytes: dict[str, list[int]] = field(default_factory=dict)


def timeline_of(stopwatch: Stopwatch) -> Timeline:
    """What a stopwatch has measured so far."""
    flows, samples = stopwatch.flows, list(stopwatch.samples)
    stages = [
        StageTime(
            name,
            round(began, 3),
            round(ended, 3),
            round(stopwatch.seconds.get(name, 0.0), 3),
            (flows[name].bytes or None) if name in flows else None,
        )
        for name, (began, ended) in stopwatch.spans.copy().items()
    ]
    stages.sort(key=lambda one: (one.began, one.ended))
    weighed = [one.name for one in stages if one.bytes]
    return Timeline(
        stages,
        [round(sample.at, 3) for sample in samples],
        {name: [sample.bytes.get(name, 0) for sample in samples] for name in weighed},
    )
