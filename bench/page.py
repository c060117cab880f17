"""Writes docs/explanation/speed.md and its charts from the figures alone."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.charts import charts
from bench.measures import MEASURES
from bench.method import METHOD
from bench.part import Part
from bench.tables import figures, ratios, sides

PAGE = Path(__file__).resolve().parents[1] / "docs" / "explanation" / "speed.md"
CHARTS = PAGE.with_suffix("")
"""The folder of the charts."""

_ABOUT = """# Speed

How long a refresh and a backup take beside what people do by hand, and what that needs. Each part below answers one
question and says with which command, when and on what it was measured. `make bench` measures all of it again, and
`make bench ARGS=page` writes this page.

Trust ratios rather than seconds: another machine has other seconds. A ratio is that of the medians; beside it stand the
lowest and the highest of all rounds. On the charts a bar is the median of the rounds (of memory, the highest), the line
across its end goes from the lowest round to the highest."""


def write(parts: Mapping[str, Part], page: Path = PAGE, folder: Path = CHARTS) -> None:
    """Write the page and its charts; charts that nothing draws any more go.

    Args:
        parts: by name.
        page: the file.
        folder: of the charts, beside the page.
    """
    shutil.rmtree(folder, ignore_errors=True)
    for name, drawn in drawings(parts).items():
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(drawn, encoding="utf-8")
    page.write_text(text(parts), encoding="utf-8")


def drawings(parts: Mapping[str, Part]) -> dict[str, str]:
    """All charts by the names of their files."""
    return {file: drawn for name, part in parts.items() for file, drawn in charts(name, part).items()}


def text(parts: Mapping[str, Part]) -> str:
    """What the page holds."""
    pieces = [_ABOUT, *_glance(parts)]
    for name in sorted(parts):
        pieces += _section(name, parts[name])
    return "\n\n".join([*pieces, "## How it is measured", METHOD]) + "\n"


def _glance(parts: Mapping[str, Part]) -> list[str]:
    """What is wanted, and whether it is reached: all parts in one table."""
    rows = [["", "", "measured", "wanted", "reached"]]
    for name in sorted(parts):
        for of, measured, *_, wanted, reached in (*ratios(parts[name])[1:], *figures(parts[name])[1:]):
            if wanted:
                rows.append([name, of, measured, wanted, reached])
    return ["## What is wanted", _markdown(rows, words=2)] if len(rows) > 1 else []


def _section(name: str, part: Part) -> list[str]:
    pieces = [f"## {name}: {part.question}"]
    rounds = f"{part.rounds} round{'s' if part.rounds != 1 else ''}"
    pieces.append(f"`{part.command}` on {part.taken}, {rounds}.")
    pieces.append("\n".join(f"- {sentence}" for sentence in part.machine.values()))
    pieces += part.remarks
    pieces += [f"![{name}: {_words(file)}](speed/{file})" for file in charts(name, part)]
    tables = (sides(part), ratios(part), figures(part))
    pieces += [_markdown(rows) for rows in tables if len(rows) > 1]
    if part.sides:
        pieces.append("\n".join(f"- **{side}**: {_escaped(one.what)}" for side, one in part.sides.items()))
    return pieces


def _words(file: str) -> str:
    """What the chart in a file shows."""
    return MEASURES[file.removesuffix(".svg").rpartition("-")[2]].title


def _markdown(rows: Sequence[Sequence[str]], words: int = 1) -> str:
    """A table; so many columns at its left are words, the others figures."""
    under = ["---"] * words + ["---:"] * (len(rows[0]) - words)
    lines = [[_escaped(cell) for cell in row] for row in (rows[0], under, *rows[1:])]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
