"""A part's figures, for whoever has measured it."""

from __future__ import annotations

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table

from bench.part import Part
from bench.tables import figures, ratios, sides

_WIDTH = 130


def say(name: str, part: Part) -> None:
    """Print a part: what it is about, then a table each of sides, ratios and single figures."""
    _console().print(f"\n{name}: {part.question}", style="bold")
    for told in (*part.machine.values(), *part.remarks):
        _print(told)
    for rows in (sides(part), ratios(part), figures(part)):
        if len(rows) > 1:
            _print(_table(rows))


def _table(rows: list[list[str]]) -> Table:
    """A table without lines; the first row is the titles, words to the left, figures to the right."""
    page = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    for place, title in enumerate(rows[0]):
        page.add_column(title, justify="right" if place else "left", no_wrap=True)
    for row in rows[1:]:
        page.add_row(*row)
    return page


def _print(what: RenderableType) -> None:
    _console().print(Padding(what, (0, 0, 0, 2), expand=False))


def _console() -> Console:
    return Console(highlight=False, emoji=False, markup=False, width=_WIDTH)
