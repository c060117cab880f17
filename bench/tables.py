"""A part's figures as tables of text: the first row is the titles, the first column names."""

from __future__ import annotations

from statistics import median

from bench.measures import MEASURES
from bench.part import Part


def sides(part: Part) -> list[list[str]]:
    """Each side's time with its spread, CPU time, peak memory, and speed where bytes were counted."""
    counted = any(any(side.bytes) for side in part.sides.values())
    rows = [["", "median s", "fastest", "slowest", "CPU s", "peak MB", *(["MB/s"] if counted else [])]]
    for name, side in part.sides.items():
        peak = max(side.peak_bytes, default=0) / 1e6
        spread = [f"{pick(side.seconds):.2f}" for pick in (median, min, max)]
        rate = median(MEASURES["megabytes_per_second"].values(side)) if any(side.bytes) else 0
        rows.append(
            [
                name,
                *spread,
                f"{median(side.cpu_seconds):.2f}",
                f"{peak:,.1f}" if peak else "",
                *([f"{rate:,.0f}" if rate else ""] if counted else []),
            ]
        )
    return rows


def ratios(part: Part) -> list[list[str]]:
    """Each ratio: of the medians, over the rounds, and what is wanted of it."""
    rows = [["", "of medians", "lowest round", "highest round", "wanted", "reached"]]
    for name, ratio in part.ratios.items():
        each = [f"{value:.2f}" for value in (ratio.of_medians, ratio.lowest, ratio.highest)]
        rows.append([name, *each, ratio.wanted or "", _word(ratio.reached)])
    return rows


def figures(part: Part) -> list[list[str]]:
    """Each single figure, and what is wanted of it."""
    rows = [["", "figure", "wanted", "reached"]]
    for name, figure in part.figures.items():
        value = f"{figure.value:,.0f}" if float(figure.value).is_integer() else f"{figure.value:,.2f}"
        rows.append([name, f"{value} {figure.unit}".strip(), figure.wanted or "", _word(figure.reached)])
    return rows


def _word(reached: bool | None) -> str:
    return "" if reached is None else "yes" if reached else "no"
