"""How a run looks in a moment: a bar for each stage, the tables that go by, and what is left. Imports rich."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from rich.console import Console, Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from dmrefresh.console.pace import Pace, Stage
from dmrefresh.console.text import about, clock, counted, printable
from dmrefresh.report.words import size

_NARROW = 72
"""Columns of a terminal below which speed and business of the stages are left out."""
_SHOWN = 4
"""Tables that have gone by and are still shown."""
_BAR = 32
"""Columns of a bar, where there is room."""
_BESIDE, _BESIDE_NARROW = 58, 24
"""Columns of all that stands beside it."""


@dataclass(slots=True)
class Passing:
    """The tables of an attempt.

    Attributes:
        tables, rows: how many have gone by.
        last: the latest of them, with their rows.
        now: those that go by at the moment, with their rows so far.
    """

    tables: int = 0
    rows: int = 0
    last: deque[tuple[str, int]] = field(default_factory=lambda: deque(maxlen=_SHOWN))
    now: dict[str, int] = field(default_factory=dict)

    def progress(self, table: str, rows: int) -> None:
        """So many rows of a table by now."""
        self.now[table] = rows

    def passed(self, table: str, rows: int) -> None:
        """All of them."""
        self.now.pop(table, None)
        self.tables += 1
        self.rows += rows
        self.last.append((table, rows))


def drawn(console: Console, about_what: str, pace: Pace, passing: Passing) -> RenderableType:
    """A run in a moment.

    Args:
        console: what it is drawn for.
        about_what: what runs, in a few words.
        pace: how far it is.
        passing: its tables.
    """
    parts: list[RenderableType] = [Text(""), _head(console, about_what, pace), _stages(console, pace)]
    if passing.tables or passing.now:
        parts.append(_tables(passing))
    return Group(*parts)


def _head(console: Console, about_what: str, pace: Pace) -> Table:
    line = Table.grid(expand=True, padding=(0, 1))
    line.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    line.add_column(no_wrap=True, justify="right")
    time = Text(clock(pace.seconds), style="dim")
    if pace.left is not None:
        time.append(f"  about {about(pace.left)} left", style="not dim bold")
    line.add_row(Text(printable(about_what), style="bold"), time)
    line.width = min(console.width, 100)
    return line


def _stages(console: Console, pace: Pace) -> Table:
    wide = console.width >= _NARROW
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, min_width=9)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, min_width=8, justify="right")
    if wide:
        table.add_column(no_wrap=True, min_width=10, justify="right")
        table.add_column(no_wrap=True, min_width=9, justify="right")
    table.add_column(no_wrap=True)
    bar = max(8, min(_BAR, console.width - (_BESIDE if wide else _BESIDE_NARROW)))
    mark = "◀ waited for" if _draws(console) else "< waited for"
    for stage in pace.stages:
        waited_for = stage.name == pace.waits_for
        style = "bold yellow" if waited_for else ""
        cells: list[RenderableType] = [Text(stage.name, style=style), _bar(stage, bar), Text(_given(stage))]
        if wide:
            speed = f"{stage.rate / 1e6:.1f} MB/s" if stage.rate and not _is_done(stage) else ""
            busy = "done" if _is_done(stage) else f"{stage.busy:4.0%} busy" if stage.busy >= 0.005 else ""
            cells += [Text(speed), Text(busy, style="green" if _is_done(stage) else "dim")]
        table.add_row(*cells, Text(mark if wide else mark[:1], style=style) if waited_for else "")
    return table


def _bar(stage: Stage, width: int) -> RenderableType:
    if stage.share is None and not stage.busy:
        return Text("")
    return ProgressBar(
        total=None if stage.share is None else 1.0,
        completed=stage.share or 0.0,
        width=width,
        complete_style="cyan",
        finished_style="green",
        pulse_style="cyan",
        pulse=stage.share is None,
    )


def _is_done(stage: Stage) -> bool:
    return stage.share is not None and stage.share >= 1.0 and stage.busy < 0.005


def _given(stage: Stage) -> str:
    return "" if stage.bytes is None else size(stage.bytes)


def _tables(passing: Passing) -> Text:
    said = Text(no_wrap=True, overflow="ellipsis", style="dim")
    if passing.tables:
        said.append(f"{counted(passing.tables, 'table')}, {counted(passing.rows, 'row')}")
    for table, rows in sorted(passing.now.items())[:_SHOWN]:
        said.append(" · " if said else "").append(printable(table), style="not dim").append(f" {rows:,} so far")
    for table, rows in reversed(passing.last):
        said.append(f" · {printable(table)} {rows:,}")
    return said


def _draws(console: Console) -> bool:
    return console.encoding.lower().startswith("utf")
