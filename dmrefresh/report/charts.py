"""The charts of a report: SVG without script, style and colours, which the page's own style gives it."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from itertools import pairwise
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

from dmrefresh.report.timeline import StageTime, Timeline

_WIDTH = 960
_ROW = 30
_REST = 76
_SPARK = 36
_POINTS = 60
"""Moments that a line is drawn through, at most."""
_ATTRIBUTES = {"x", "y", "width", "height", "d", "transform", "class"}
"""What a drawing needs."""
_SHORTEST = 0.95
"""Seconds between two moments, at least: stages give in bursts."""
_FEWEST = 5
"""Moments below which there is no line to draw."""


def waterfall(stages: Sequence[StageTime]) -> str | None:
    """Each stage from its beginning to its end: for how much of that it was busy, and for how much it waited.

    Args:
        stages: in the order in which they are drawn, from the top.

    Returns:
        the chart as SVG; None where there is nothing to draw.
    """
    if not stages:
        return None
    drawn = list(reversed(stages))  # from the bottom up
    chart = _pygal().HorizontalStackedBar(
        **_plainly(len(stages) * _ROW + _REST),
        x_title="seconds since the attempt began",
        range=(0, max(one.ended for one in stages) or 1),
        spacing=6,
    )
    chart.x_labels = [one.name for one in drawn]
    chart.add("before", [one.began for one in drawn])
    chart.add("busy", [busy(one) for one in drawn])
    chart.add("waiting", [max(one.ended - one.began - busy(one), 0) for one in drawn])
    return _svg(chart.render_tree(), "Waterfall of the stages, as in the table below it", [None, "busy", "waiting"])


def busy(stage: StageTime) -> float:
    """Seconds of its time that a stage was busy; several threads may have been at it at once."""
    return min(stage.seconds, stage.ended - stage.began)


def spark(points: Sequence[tuple[float, float]], end: float) -> str:
    """One line over time, as high as its highest point, without axes; the figures stand beside it.

    Args:
        points: moments and figures.
        end: the last moment that all such lines reach to.

    Returns:
        the line as SVG, for the eye alone.
    """
    options = _plainly(_SPARK) | {"width": _WIDTH // 2, "margin": 1, "spacing": 0}
    chart = _pygal().XY(
        **options,
        show_dots=False,
        show_x_labels=False,
        show_y_labels=False,
        show_x_guides=False,
        show_y_guides=False,
        fill=True,
        xrange=(0, end),
        range=(0, max(figure for _, figure in points) or 1),
    )
    first, last = points[0][0], points[-1][0]
    chart.add("", [(first, 0), *points, (last, 0)])
    return _svg(chart.render_tree(), None, ["line"])


def rates(timeline: Timeline) -> dict[str, list[tuple[float, float]]]:
    """By stage, moments and the megabytes a second since the moment before; from its first bytes to its last."""
    end = timeline.at[-1] if timeline.at else 0.0
    marks, last = [0], 0.0
    for index, moment in enumerate(timeline.at):
        if moment - last >= max(end / _POINTS, _SHORTEST):
            marks.append(index + 1)
            last = moment
    if len(marks) < _FEWEST:
        return {}
    at = [0.0, *timeline.at]
    found = {}
    for name, grown in timeline.bytes.items():
        given = [0, *grown]
        points = [(at[b], (given[b] - given[a]) / 1e6 / (at[b] - at[a])) for a, b in pairwise(marks)]
        alive = [index for index, (_, rate) in enumerate(points) if rate > 0]
        if alive:
            found[name] = points[alive[0] : alive[-1] + 1]
    return found


def _plainly(height: int) -> dict[str, Any]:
    """What is the same for all charts."""
    return {
        "css": [],
        "js": [],
        "no_prefix": True,
        "show_legend": False,
        "width": _WIDTH,
        "height": height,
        "explicit_size": True,
        "print_values": False,
        "no_data_text": "",
        "margin": 8,
        "value_formatter": lambda value: f"{value:,.6g}",
    }


def _pygal() -> ModuleType:
    """The library, without what it leaves in the way of every import after it, for maps: Python warns of that."""
    finders = list(sys.meta_path)
    import pygal

    sys.meta_path[:] = finders
    return pygal  # type: ignore[no-any-return]


def _svg(tree: ElementTree.Element, name: str | None, series: Sequence[str | None]) -> str:
    """As text that a page can hold: what it shows is said by a name, and in a table beside it.

    Args:
        tree: as it was drawn.
        name: what it shows; None where that is said beside it.
        series: what the page's style calls each of them; None for one that only holds others in their place.
    """
    for parent in list(tree.iter()):
        for child in list(parent):
            if _superfluous(child) or _series(child, series) is None:
                parent.remove(child)
    width, height = tree.get("width"), tree.get("height")
    for node in tree.iter():
        node.tag = node.tag.rpartition("}")[2]  # in a page SVG needs no namespace
        named = _series(node, series)
        node.attrib = {key: value for key, value in node.attrib.items() if key in _ATTRIBUTES and value}
        if named:
            node.set("class", named)
    said = {"aria-hidden": "true"} if name is None else {"role": "img", "aria-label": name}
    tree.attrib = {"viewBox": f"0 0 {width} {height}", "class": "line" if name is None else "chart", **said}
    if name is None:
        tree.set("preserveAspectRatio", "none")
    return ElementTree.tostring(tree, encoding="unicode")


def _series(node: ElementTree.Element, series: Sequence[str | None]) -> str | None:
    """The class of a series; nothing for what is none, and None for one that is not drawn."""
    found = re.match(r"series serie-(\d+)", node.get("class", ""))
    if found is None:
        return ""
    named = series[int(found[1])]
    return None if named is None or not len(node) else f"series-{named}"


def _superfluous(node: ElementTree.Element) -> bool:
    """Comments, scripts and styles, and what only a script would show."""
    if not isinstance(node.tag, str) or node.tag.rpartition("}")[2] in ("script", "style", "desc", "defs", "title"):
        return True
    return "tooltip-overlay" in node.get("class", "")
