"""The charts of a report: SVG without script, style and colours, which the page's own style gives it."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

from dmrefresh.report.timeline import StageTime, Timeline

_WIDTH = 960
_ROW = 30
_REST = 76
_TALL = 300
_POINTS = 60
"""Moments that a line is drawn through."""
_ATTRIBUTES = {"x", "y", "width", "height", "d", "transform", "class"}
"""What a drawing needs."""
_SHORTEST = 6
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


def throughput(timeline: Timeline) -> str | None:
    """How many megabytes a second came out of each stage, over time.

    Args:
        timeline: of an attempt.

    Returns:
        the chart as SVG; None where too little was measured to draw a line.
    """
    lines = rates(timeline)
    if not lines:
        return None
    chart = _pygal().XY(
        **_plainly(_TALL),
        x_title="seconds since the attempt began",
        y_title="MB/s",
        show_dots=False,
        x_labels_major_count=8,
        truncate_label=-1,
        range=(0, max(rate for line in lines.values() for _, rate in line) or 1),
    )
    for name, points in lines.items():
        chart.add(name, points)
    names = [str(index) for index in range(len(lines))]
    return _svg(chart.render_tree(), "Throughput of each stage over time, as in the table below it", names)


def rates(timeline: Timeline) -> dict[str, list[tuple[float, float]]]:
    """By stage, the moments and the megabytes a second since the moment before, from when it gave its first bytes."""
    step = max(len(timeline.at) // _POINTS, 1)
    at = timeline.at[::step]
    if len(at) < _SHORTEST:
        return {}
    found = {}
    for name, grown in timeline.bytes.items():
        given = grown[::step]
        pairs = list(zip(zip([0.0, *at], at, strict=False), zip([0, *given], given, strict=False), strict=True))
        points = [(end, (after - before) / 1e6 / max(end - begin, 1e-6)) for (begin, end), (before, after) in pairs]
        alive = [index for index, (_, rate) in enumerate(points) if rate > 0]
        if alive:
            found[name] = points[max(alive[0] - 1, 0) : alive[-1] + 2]
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


def _svg(tree: ElementTree.Element, name: str, series: Sequence[str | None]) -> str:
    """As text that a page can hold: what it shows is said by a name, and in a table beside it.

    Args:
        tree: as it was drawn.
        name: what it shows.
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
    tree.attrib = {"viewBox": f"0 0 {width} {height}", "role": "img", "aria-label": name, "class": "chart"}
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
