"""A part's figures as tables of text: the first row is the titles, the first column names."""

from __future__ import annotations

from statistics import median

from bench.measures import MEASURES
from bench.part import Part


def sides(part: Part) -> list[list[str]]:
    """Each side's time with its spread, CPU time, and where they were measured peak memory and speed."""
    shown = [name for name in ("peak_megabytes", "megabytes_per_second") if _any(part, name)]
    titles = ["median s", "fastest", "slowest", "CPU s", *(_TITLES[name] for name in shown)]
    rows = [["", *titles]]
    for name, side in part.sides.items():
        seconds = [f"{pick(side.seconds):.2f}" for pick in (median, min, max)]
        more = [MEASURES[one].pick(MEASURES[one].values(side)) for one in shown]
        cells = [figure(value) if value else "" for value in more]
        rows.append([name, *seconds, f"{median(side.cpu_seconds):.2f}", *cells])
    return rows


_TITLES = {"peak_megabytes": "peak MB", "megabytes_per_second": "MB/s"}


def _any(part: Part, measure: str) -> bool:
    return any(any(MEASURES[measure].values(side)) for side in part.sides.values())


def ratios(part: Part) -> list[list[str]]:
    """Each ratio: of the medians, over the rounds, and what is wanted of it."""
    rows = [["", "of medians", "lowest round", "highest round", "wanted", "reached"]]
    for name, ratio in part.ratios.items():
        each = [f"{value:.2f}" for value in (ratio.of_medians, ratio.lowest, ratio.highest)]
        rows.append([name, *each, _bound(ratio.wanted), _word(ratio.reached)])
    return rows


def figures(part: Part) -> list[list[str]]:
    """Each single figure, and what is wanted of it."""
    rows = [["", "figure", "wanted", "reached"]]
    for name, one in part.figures.items():
        rows.append([name, f"{figure(one.value)} {one.unit}".strip(), _bound(one.wanted), _word(one.reached)])
    return rows


def figure(value: float) -> str:
    """A number as it is shown: whole ones and those of a hundred and more without decimals."""
    return f"{value:,.0f}" if abs(value) >= 100 or float(value).is_integer() else f"{value:,.2f}"


def _bound(wanted: str | None) -> str:
    return (wanted or "").replace("<=", "≤").replace(">=", "≥")


def _word(reached: bool | None) -> str:
    return "" if reached is None else "yes" if reached else "no"
