"""What can be shown of a side: each measure a name, a unit, and a value for each round."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from bench.part import MEGABYTE, Side


@dataclass(frozen=True)
class Measure:
    """What is measured, in words; its unit; how it follows from a side; which of its rounds stands for all."""

    title: str
    unit: str
    values: Callable[[Side], list[float]]
    pick: Callable[[list[float]], float] = median


def _rate(side: Side) -> list[float]:
    """Nothing where bytes were not counted."""
    if not any(side.bytes):
        return [0.0] * len(side.seconds)
    return [size / MEGABYTE / seconds for size, seconds in zip(side.bytes, side.seconds, strict=True)]


MEASURES = {
    "seconds": Measure("Time", "s", lambda side: side.seconds),
    "cpu_seconds": Measure("CPU time of the client's processes", "s", lambda side: side.cpu_seconds),
    "peak_megabytes": Measure(
        "Peak memory of the client's processes",
        "MB",
        lambda side: [held / MEGABYTE for held in side.peak_bytes],
        max,
    ),
    "megabytes_per_second": Measure("SQL per second", "MB/s", _rate),
}
