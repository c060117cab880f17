"""Charts as SVG that needs nothing else: no script, no font and no style from anywhere, light and dark."""

from __future__ import annotations

import sys
from types import ModuleType
from xml.etree import ElementTree

from bench.measures import MEASURES, Measure
from bench.part import Part
from bench.tables import figure

_WIDTH = 860
_HEIGHT_OF_A_SIDE = 44
_HEIGHT_OF_THE_REST = 110
_TOOLTIPS = "tooltip-overlay"
"""What pygal shows where its script runs."""

_STYLE = """
text { font: 13px system-ui, sans-serif; fill: #24292f; }
.title { font-size: 16px; text-anchor: middle; }
.axis.x text { text-anchor: middle; }
.axis.y text { text-anchor: end; }
.background, .nofill { fill: none; }
.bar .rect { fill: #6cb2f7; }
.axis .line { stroke: #8c959f; stroke-opacity: .4; }
.ci { stroke: #24292f; stroke-width: 1.5; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .bar .rect { fill: #1f5f99; }
  .ci { stroke: #e6edf3; }
}
"""


def charts(name: str, part: Part) -> dict[str, str]:
    """Draw what a part wants drawn: each side as a bar, and over it from the lowest to the highest round.

    Returns:
        Each chart's text by the name of its file; no charts where there are no sides.

    Raises:
        KeyError: there is no such measure.
    """
    return {f"{name}-{measure}.svg": _chart(part, measure) for measure in part.charts if part.sides}


def _chart(part: Part, measure: str) -> str:
    shown = MEASURES[measure]
    values = {name: shown.values(side) for name, side in part.sides.items()}
    chart = _pygal().HorizontalBar(
        css=[],
        js=[],
        no_prefix=True,
        show_legend=False,
        width=_WIDTH,
        height=_HEIGHT_OF_THE_REST + _HEIGHT_OF_A_SIDE * len(values),
        title=f"{shown.title} ({shown.unit})",
        range=(0, max(max(rounds) for rounds in values.values())),
        value_formatter=lambda value: f"{value:,.10g}",
        explicit_size=True,
    )
    # Drawn from the bottom up.
    chart.x_labels = [f"{name}: {figure(shown.pick(rounds))}" for name, rounds in reversed(values.items())]
    chart.add("", [_bar(shown, rounds) for rounds in reversed(values.values())])
    return _plain(chart.render_tree())


def _pygal() -> ModuleType:
    """The library, without what it leaves in the way of every import after it, for maps: Python warns of that."""
    finders = list(sys.meta_path)
    import pygal

    sys.meta_path[:] = finders
    return pygal  # type: ignore[no-any-return]


def _bar(shown: Measure, rounds: list[float]) -> dict[str, object]:
    return {"value": shown.pick(rounds), "ci": {"low": min(rounds), "high": max(rounds)}}


def _plain(tree: ElementTree.Element) -> str:
    """As text that stays the same from one day to the next."""
    del tree.attrib["id"]  # an empty one
    for parent in list(tree.iter()):
        for child in list(parent):
            if _superfluous(child) or (child.tag == "title" and parent is not tree):
                parent.remove(child)
    style = ElementTree.Element("style")
    style.text = _STYLE
    tree.insert(0, style)
    ElementTree.indent(tree, space=" ")
    return ElementTree.tostring(tree, encoding="unicode") + "\n"


def _superfluous(node: ElementTree.Element) -> bool:
    """Comments with the day, scripts and the like; colours that only fit a light page; what only the script shows."""
    if not isinstance(node.tag, str) or node.tag in ("script", "style", "desc", "defs"):
        return True
    return _TOOLTIPS in node.get("class", "")
