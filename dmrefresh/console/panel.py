"""The closing panel of a run, for a terminal. Imports rich."""

from __future__ import annotations

from rich.cells import cell_len
from rich.console import RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from dmrefresh.console.closing import Closing
from dmrefresh.console.text import printable

_WIDEST = 100
"""Columns of the panel, at most, but for a path: that is to be copied, so it stays whole where the terminal allows."""
_BESIDE = 6
"""Columns of the panel's own: its border, and what is free beside it."""
_BAR = 24
"""Columns of the longest bar."""
_FEWEST = 0.05
_LEAST = 0.01
"""Seconds, and the part of those of the busiest, below which a stage is not worth a bar."""


def panel(end: Closing, width: int, *, draws: bool = True) -> RenderableType:
    """The panel.

    Args:
        end: what it says.
        width: columns of the terminal.
        draws: whether the terminal has more than ASCII.
    """
    page = Table.grid(padding=(0, 2, 0, 0))
    page.add_column(style="dim", no_wrap=True)
    page.add_column(overflow="fold")
    for name, fact in end.facts:
        page.add_row(name, Text(printable(fact)))
    page.add_row("took", Text(end.took))
    least = max(_FEWEST, _LEAST * max((seconds for _, seconds in end.stages), default=0.0))
    stages = [(name, seconds) for name, seconds in end.stages if seconds >= least]
    if stages:
        page.add_row("by stage", _stages(stages, end.slowest, draws=draws))
    page.add_row("", "")
    page.add_row("next", Text(printable(end.next), style="bold cyan"))
    title = Text(f" {printable(end.title)} ", style="bold green")
    wide = max([_WIDEST, *(_columns(fact, end) for _, fact in end.facts)])
    return Panel(page, title=title, title_align="left", border_style="green", width=min(width, wide), padding=(1, 2))


def _columns(fact: str, end: Closing) -> int:
    """What a fact takes that is better not broken; 0 where there are words to break it between."""
    names = max(cell_len(one) for one, _ in (*end.facts, ("by stage", "")))
    return 0 if " " in fact else names + 2 + cell_len(printable(fact)) + _BESIDE + 2


def _stages(stages: list[tuple[str, float]], slowest: str, *, draws: bool) -> Table:
    """Busy seconds, the longest first; they overlap, so their sum says nothing."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, justify="right")
    table.add_column(no_wrap=True)
    longest = stages[0][1]
    for name, seconds in stages:
        style = "yellow" if name == slowest else "cyan"
        bar = Text(("━" if draws else "#") * max(1, round(_BAR * seconds / longest)), style=style)
        if name == slowest:
            bar.append("  the slowest", style="not bold")
        table.add_row(Text(name), Text(f"{seconds:.1f} s"), bar)
    return table
