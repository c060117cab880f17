"""The report of a run as a page that needs nothing else: no script, no network, and its style beside it as well."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dmrefresh.report import charts, words
from dmrefresh.report.stages import stage_rows, throughput_lines, throughput_rows, timeline_in
from dmrefresh.report.view import view_of

if TYPE_CHECKING:
    from jinja2 import Environment

_FOLDER = Path(__file__).parent / "template"


def rendered(document: Mapping[str, Any], other: Mapping[str, Any] | None = None) -> str:
    """The page.

    Args:
        document: the report of a run.
        other: the report of another run, which this one is compared with.
    """
    timeline = timeline_in(document)
    return (
        _environment()
        .get_template("report.html")
        .render(
            view=view_of(document, other),
            document=document,
            compared=words.plain(other.get("run") or "another run") if other is not None else None,
            stages=stage_rows(document, other),
            waterfall=charts.waterfall(timeline.stages),
            throughput=throughput_lines(timeline),
            rates=throughput_rows(timeline),
            style=style(),
        )
    )


def style() -> str:
    """What the page looks like, as CSS."""
    return (_FOLDER / "report.css").read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(count=words.count, seconds=words.seconds, plain=words.plain)
    return made
