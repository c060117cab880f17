"""The part `growth`: what becomes of time and memory when the dump grows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from statistics import linear_regression, median

from bench import machine
from bench.ground import prepared
from bench.load import KEEP_EVERY_ROW, MEMORY
from bench.part import MEGABYTE, Figure, Part, Ratio, Setting, Side
from bench.production import dump
from bench.rounds import Runner, interleaved
from bench.sides import Refresh

_SIZES = (100, 1000, 5000)
_ROUNDS = 3
_FLAT = "<= 1.1"
"""A tenth more than at the size before passes for no more."""


def measure(setting: Setting) -> Part:
    """Refresh from dumps of several sizes.

    Raises:
        ClientFailedError: a side failed, or does not hold what it should.
    """
    sizes, rounds = tuple(sorted(set(setting.sizes or _SIZES))), setting.rounds or _ROUNDS
    dumps = [dump(setting, size) for size in sizes]
    runners = {}
    with prepared(setting) as ground:
        surroundings = machine.surroundings(ground.server())
        for loaded in dumps:
            database = f"grown_{loaded.megabytes}"
            ground.make_database(database)
            refresh = Refresh(ground, ground.put(loaded), loaded, database, str(KEEP_EVERY_ROW), target=_TARGET)
            runners[f"{loaded.megabytes} MB"] = Runner(f"{_WHAT}; {sum(loaded.rows.values()):,} rows", refresh)
        sides = interleaved(runners, rounds, setting.say)
    return Part(
        question="Does memory stay where it is, and does time grow no faster than the dump?",
        command=setting.command("growth", sizes=",".join(map(str, sizes)), rounds=rounds),
        taken=datetime.now(UTC).date().isoformat(),
        machine=surroundings,
        rounds=rounds,
        sides=sides,
        ratios=ratios(sides),
        figures={**_peaks(sides), **line(list(sides.values()))},
        charts=["megabytes_per_second", "peak_megabytes"],
    )


_TARGET = {"strategy": "database"}
_WHAT = "clean-and-apply, every row kept, strategy `database`, over the data of the round before"


def ratios(sides: dict[str, Side]) -> dict[str, Ratio]:
    """Each size by the one before it: seconds for a megabyte, and memory."""
    found = {}
    for (smaller, before), (larger, after) in pairwise(sides.items()):
        slower = Ratio.of(_seconds_per_megabyte(after), _seconds_per_megabyte(before), _FLAT)
        found[f"seconds for a megabyte, {larger} : {smaller}"] = slower
        found[f"peak memory, {larger} : {smaller}"] = Ratio.of(after.peak_bytes, before.peak_bytes, _FLAT)
    return found


def _seconds_per_megabyte(side: Side) -> list[float]:
    return [seconds * MEGABYTE / size for seconds, size in zip(side.seconds, side.bytes, strict=True)]


def _peaks(sides: dict[str, Side]) -> dict[str, Figure]:
    return {
        f"peak memory at {name}": Figure(max(side.peak_bytes) / MEGABYTE, "MB", MEMORY) for name, side in sides.items()
    }


def line(sides: Sequence[Side]) -> dict[str, Figure]:
    """The straight line (least squares) through the median times; none through a single one."""
    if len(sides) < 2:
        return {}
    sizes = [side.bytes[0] / MEGABYTE for side in sides]
    times = [median(side.seconds) for side in sides]
    fit = linear_regression(sizes, times)
    off = max(abs(fit.intercept + fit.slope * size - time) / time for size, time in zip(sizes, times, strict=True))
    return {
        "straight line: before the first byte": Figure(fit.intercept, "s"),
        "straight line: for each 1,000 MB": Figure(1000 * fit.slope, "s"),
        "straight line: farthest from it": Figure(100 * off, "%"),
    }
