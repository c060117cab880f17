"""From rounds to figures, and figures on a page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median, median_low
from typing import Any

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table

from bench.compare import Result, Round
from bench.measure import Usage

_WIDTH = 110


@dataclass(frozen=True)
class Ratio:
    """The refresh's seconds by the plain pipeline's: of the medians, and the extremes over the rounds."""

    of_medians: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, numerators: Sequence[float], denominators: Sequence[float]) -> Ratio:
        """From both sides' seconds, round by round."""
        each = [b / a for b, a in zip(numerators, denominators, strict=True)]
        return cls(median(numerators) / median(denominators), min(each), max(each))


@dataclass(frozen=True)
class Summary:
    """The seconds of all rounds, the two ratios, and the refresh's round in the middle."""

    plain: list[float]
    analysed: list[float]
    refreshed: list[float]
    to_plain: Ratio
    to_analysed: Ratio
    middle: Round


def summary(result: Result) -> Summary:
    """Sum up the rounds of one size."""
    plain = [one.plain.usage.seconds for one in result.rounds]
    analysed = [one.plain.analysed_seconds for one in result.rounds]
    refreshed = [one.refreshed.usage.seconds for one in result.rounds]
    middle = result.rounds[refreshed.index(median_low(refreshed))]
    to_plain, to_analysed = Ratio.of(refreshed, plain), Ratio.of(refreshed, analysed)
    return Summary(plain, analysed, refreshed, to_plain, to_analysed, middle)


def as_dict(result: Result) -> dict[str, Any]:
    """One size for the JSON file: every round as it was measured (seconds, bytes), and the summary."""
    summed = summary(result)
    ratios = {"to_plain": asdict(summed.to_plain), "to_plain_and_analyze": asdict(summed.to_analysed)}
    return {**asdict(result), "plain_bytes": result.plain_bytes, "ratios": ratios}


def say_surroundings(surroundings: Mapping[str, str]) -> None:
    """Print what is compared and on what."""
    page = _table("", "")
    for name, sentence in surroundings.items():
        page.add_row(name, sentence)
    page.add_row("A", "download | gpg -d | gzip -d | psql, into a new empty database; its keyring is ready before")
    page.add_row("B", "dmrefresh clean-and-apply, every row kept, over the data of the round before")
    _heading("The plain pipeline (A) and the refresh (B)")
    _print(page)


def say_result(result: Result) -> None:
    """Print the page of one size."""
    summed = summary(result)
    _heading(
        f"{result.plain_bytes / 1e6:,.1f} MB of plain text, {result.encrypted_bytes / 1e6:,.1f} MB encrypted, "
        f"{result.rows:,} rows; rounds: {len(result.rounds)}"
    )
    _print(_seconds(result, summed))
    _print(_ratios(summed))
    _print(_particulars(result, summed))


def _seconds(result: Result, summed: Summary) -> Table:
    page = _table("", "median s", "fastest", "slowest", "CPU s", "peak MB")
    plain = [one.plain.usage for one in result.rounds]
    page.add_row("A", *_spread(summed.plain), *_client(plain))
    page.add_row("A, then ANALYZE", *_spread(summed.analysed))
    page.add_row("B", *_spread(summed.refreshed), *_client([one.refreshed.usage for one in result.rounds]))
    return page


def _ratios(summed: Summary) -> Table:
    page = _table("", "of medians", "lowest round", "highest round")
    for name, ratio in (("B : A", summed.to_plain), ("B : (A, then ANALYZE)", summed.to_analysed)):
        page.add_row(name, f"{ratio.of_medians:.2f}", f"{ratio.lowest:.2f}", f"{ratio.highest:.2f}")
    return page


def _particulars(result: Result, summed: Summary) -> Table:
    page = _table("", "")
    middle = summed.middle
    stages = ", ".join(f"{name} {seconds:.2f}" for name, seconds in middle.refreshed.stages.items())
    page.add_row("B's stages", f"{stages} (busy seconds of the middle round; stages overlap)")
    page.add_row("memory of A", _by_program(one.plain.usage for one in result.rounds))
    page.add_row("memory of B", _by_program(one.refreshed.usage for one in result.rounds))
    sizes = (middle.plain.left.size / 1e6, middle.refreshed.left.size / 1e6)
    page.add_row("on the server", f"A {sizes[0]:,.1f} MB, B {sizes[1]:,.1f} MB, indexes included")
    page.add_row("rows", f"in each of {result.tables} tables as many as production has, on both sides, in every round")
    return page


def _spread(seconds: Sequence[float]) -> tuple[str, str, str]:
    return f"{median(seconds):.2f}", f"{min(seconds):.2f}", f"{max(seconds):.2f}"


def _client(usages: Sequence[Usage]) -> tuple[str, str]:
    """CPU seconds (median) and peak memory (highest) over the rounds."""
    peak = max(usage.peak_memory for usage in usages)
    return f"{median(usage.cpu_seconds for usage in usages):.2f}", f"{peak / 1e6:,.1f}"


def _by_program(usages: Iterable[Usage]) -> str:
    highest: dict[str, int] = {}
    for usage in usages:
        for name, held in usage.memory.items():
            highest[name] = max(held, highest.get(name, 0))
    ordered = sorted(highest.items(), key=lambda one: -one[1])
    return ", ".join(f"{name} {held / 1e6:,.1f} MB" for name, held in ordered)


def _table(*titles: str) -> Table:
    """A table without lines; words to the left, figures under a title to the right."""
    page = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim", show_header=any(titles))
    for title in titles:
        page.add_column(title, justify="right" if title else "left", no_wrap=bool(title))
    return page


def _heading(text: str) -> None:
    _console().print(f"\n{text}", style="bold")


def _print(what: RenderableType) -> None:
    _console().print(Padding(what, (0, 0, 0, 2), expand=False))


def _console() -> Console:
    return Console(highlight=False, emoji=False, markup=False, width=_WIDTH)
