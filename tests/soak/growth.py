"""What must not grow: memory, descriptors, processes, and what lies in the servers; measured after each round."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeAlias

import psutil
import psycopg

from fixtures.parts.postgres import Cluster
from tests.soak.judging import Told
from tests.soak.world import TARGETS, World

MIB = 1 << 20
_FEWEST = 24
"""Values that a trend can be told from."""
_NEW = 4
"""After so many runs the resident process has loaded and made all that it keeps."""
_SHARE = 1.25
"""So many times as much at the end as after the beginning is growth, if it is more than the slack as well."""

_STILL = 1.05
"""So many times as much at the end as in the middle is growth that goes on."""
Trend: TypeAlias = tuple[float, float, float]

_COUNTS = """
SELECT (SELECT count(*) FROM pg_class) + (SELECT count(*) FROM pg_type) + (SELECT count(*) FROM pg_proc)
     + (SELECT count(*) FROM pg_depend) + (SELECT count(*) FROM pg_description) + (SELECT count(*) FROM pg_default_acl),
       (SELECT count(*) FROM pg_database) + (SELECT count(*) FROM pg_authid) + (SELECT count(*) FROM pg_shdepend)
     + (SELECT count(*) FROM pg_prepared_xacts) + (SELECT count(*) FROM pg_replication_slots),
       pg_database_size(current_database())
"""


@dataclass
class Growth:
    """The figures of all rounds, by what they are of.

    Attributes:
        series: each with its values, in the order of the rounds.
        slack: by how much each may differ in any case.
    """

    series: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    slack: dict[str, float] = field(default_factory=dict)

    def add(self, name: str, value: float, slack: float) -> None:
        self.series[name].append(value)
        self.slack[name] = slack

    def measure(self, world: World, told: Told) -> dict[str, float]:
        """Measure after a round; what was measured."""
        before = {name: len(values) for name, values in self.series.items()}
        for ended, code in zip(told.ended, told.codes, strict=False):
            if code == 0 and not told.inside:
                self.add(f"memory of a {_kind(told)}", ended.peak, 16 * MIB)
        if told.inside and told.facts.get("resident runs", 0) > _NEW:
            self.add("memory of the resident process", told.facts["resident memory"], 32 * MIB)
            self.add("descriptors of the resident process", told.facts["resident descriptors"], 6)
            self.add("threads of the resident process", told.facts["resident threads"], 2)
        for name in TARGETS:
            self.add(f"memory of a session on {name}", told.facts[f"{name} memory"], MIB)
            objects, shared, size = _counts(world, name)
            self.add(f"rows in the catalogues of {name}", objects, 20)
            self.add(f"size of {name}", size, 32 * MIB)
        self.add("databases, roles and their rights", shared, 3)
        processes = _processes(world.target)
        self.add("processes of the target's server", len(processes), 4)
        self.add("descriptors of the target's server", _descriptors(processes), 200)
        return {name: values[-1] for name, values in self.series.items() if len(values) > before.get(name, 0)}

    def grown(self) -> list[str]:
        """What has grown, in sentences."""
        return [
            f"{name} has grown from {_figure(name, trend[0])} to {_figure(name, trend[2])}"
            for name, values in self.series.items()
            if (trend := trend_of(values)) and is_growth(trend, self.slack[name])
        ]

    def table(self) -> list[str]:
        """Each with what it was after the beginning, what it was in the end, and the most."""
        lines = []
        for name, values in sorted(self.series.items()):
            first, _, last = trend_of(values) or (values[0], values[0], values[-1])
            figures = [_figure(name, value) for value in (first, last, max(values))]
            lines.append(f"{name:40} " + "".join(f"{one:>14}" for one in figures))
        return lines


def trend_of(values: Sequence[float]) -> Trend | None:
    """The middle values of each third; the beginning, when all is new, is left out.

    Returns:
        None where there are too few.
    """
    settled = values[len(values) // 8 :]
    if len(values) < _FEWEST:
        return None
    third = len(settled) // 3
    thirds = settled[:third], settled[third:-third], settled[-third:]
    return statistics.median(thirds[0]), statistics.median(thirds[1]), statistics.median(thirds[2])


def is_growth(trend: Trend, slack: float) -> bool:
    """Whether that is more than chance, and goes on: what is taken once, and then is enough, is no growth."""
    first, middle, last = trend
    return last > first * _SHARE and last > first + slack and last > middle * _STILL


def _kind(told: Told) -> str:
    return f"{told.job} by {told.target}" if told.target else told.job


def _figure(name: str, value: float) -> str:
    return f"{value / MIB:.1f} MiB" if name.startswith(("memory", "size")) else f"{value:.0f}"


def _counts(world: World, target: str) -> tuple[int, int, int]:
    with psycopg.connect(world.target.url(target)) as connection:
        row = connection.execute(_COUNTS.encode()).fetchone()
    assert row is not None
    return row[0], row[1], row[2]


def _processes(cluster: Cluster) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        server = psutil.Process(cluster.pid)
        return [server, *server.children(recursive=True)]
    return []


def _descriptors(processes: Sequence[psutil.Process]) -> int:
    found = 0
    for one in processes:
        with suppress(psutil.Error):
            found += one.num_fds()
    return found
