"""docs/explanation/speed.md and its charts follow from bench/results.json, and from nothing else."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench import page, results
from bench.__main__ import main
from bench.charts import charts
from bench.measures import MEASURES
from bench.part import Figure, Part, Ratio, Side
from bench.parts import PARTS

ROOT = Path(__file__).parents[2]
SVG = "{http://www.w3.org/2000/svg}"


def made_up() -> Part:
    sides = {
        "pipe": Side("a | b", [2.0, 4.0, 3.0], [1.0] * 3, [10**7] * 3, [3 * 10**7] * 3),
        "refresh": Side("<one> command", [6.0, 5.0, 7.0], [2.0] * 3, [2 * 10**8, 3 * 10**8, 10**8], [3 * 10**7] * 3),
    }
    return Part(
        question="Is it as fast?",
        command="python -m bench load --rounds 3",
        taken="2026-01-31",
        machine={"machine": "2 cores", "server": "PostgreSQL 16"},
        rounds=3,
        sides=sides,
        ratios={"refresh : pipe": Ratio.of(sides["refresh"].seconds, sides["pipe"].seconds, "<= 0.85")},
        figures={"peak memory": Figure(300, "MB", "<= 256"), "rows": Figure(7, "")},
        remarks=["Something was left out."],
        charts=["seconds", "peak_megabytes"],
    )


def test_the_page_and_its_charts_are_what_was_measured() -> None:
    parts = results.read(results.FILE)
    again = "python -m bench page"
    assert page.PAGE.read_text(encoding="utf-8") == page.text(parts), again
    assert {file.name: file.read_text(encoding="utf-8") for file in page.CHARTS.glob("*")} == page.drawings(parts), (
        again
    )
    assert set(parts) <= set(PARTS)


def test_the_page_says_how_when_and_on_what() -> None:
    text = page.text({"load": made_up()})
    assert "## load: Is it as fast?" in text
    assert "`python -m bench load --rounds 3` on 2026-01-31, 3 rounds." in text
    for sentence in ("2 cores", "PostgreSQL 16", "Something was left out."):
        assert sentence in text


def test_the_page_begins_with_what_is_wanted_and_whether_it_is_reached() -> None:
    text = page.text({"load": made_up()})
    wanted = text.partition("## What is wanted\n\n")[2].partition("\n\n")[0].splitlines()[2:]
    assert wanted == ["| load | refresh : pipe | 2.00 | ≤ 0.85 | no |", "| load | peak memory | 300 MB | ≤ 256 | no |"]


def test_each_chart_has_the_table_of_its_sides() -> None:
    section = page.text({"load": made_up()}).partition("## load")[2]
    drawn, _, rest = section.partition("| --- |")
    assert re.findall(r"!\[(.*?)\]\((.*?)\)", drawn) == [
        ("load: Time", "speed/load-seconds.svg"),
        ("load: Peak memory of the client's processes", "speed/load-peak_megabytes.svg"),
    ]
    assert "| pipe | 3.00 | 2.00 | 4.00 | 1.00 | 10 | 10 |" in rest.splitlines()
    assert "| refresh | 6.00 | 5.00 | 7.00 | 2.00 | 300 | 5 |" in rest.splitlines()
    assert "| refresh : pipe | 2.00 | 1.25 | 3.00 | ≤ 0.85 | no |" in rest.splitlines()


def test_words_do_not_break_the_page() -> None:
    text = page.text({"load": made_up()})
    assert "**pipe**: a \\| b" in text
    assert "**refresh**: &lt;one> command" in text


def test_a_part_without_sides_has_its_sentence_and_no_chart() -> None:
    part = replace(made_up(), sides={}, ratios={}, figures={}, rounds=0)
    text = page.text({"lz4": part})
    assert "Something was left out." in text
    assert "![" not in text
    assert page.drawings({"lz4": part}) == {}


@pytest.mark.parametrize("measure", MEASURES)
def test_a_chart_has_a_bar_a_side_as_long_as_what_was_measured(measure: str) -> None:
    part = replace(made_up(), charts=[measure])
    (drawn,) = charts("load", part).values()
    bars = [float(one.attrib["width"]) for one in ElementTree.fromstring(drawn).iter(f"{SVG}rect") if _is_bar(one)]
    values = [MEASURES[measure].pick(MEASURES[measure].values(side)) for side in part.sides.values()]
    assert bars[0] / bars[1] == pytest.approx(values[1] / values[0])  # from the bottom up
    for name in part.sides:
        assert f">{name}: " in drawn


def _is_bar(node: ElementTree.Element) -> bool:
    return "rect" in node.attrib["class"].split()


def test_a_chart_needs_nothing_else_and_is_the_same_every_day() -> None:
    for drawn in charts("load", made_up()).values():
        assert re.findall(r"https?://[^\"'\s<]*", drawn) == ["http://www.w3.org/2000/svg"]
        for unwanted in ("<script", "<!--", "<?xml-stylesheet", "onload", "style="):
            assert unwanted not in drawn
    assert charts("load", made_up()) == charts("load", made_up())


def test_drawing_leaves_nothing_in_the_way_of_imports() -> None:
    program = "import sys; from bench import charts; found = list(sys.meta_path); charts._pygal()"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"{program}; assert sys.meta_path == found; import no_such_module"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "No module named 'no_such_module'" in done.stderr.splitlines()[-1]


def test_a_chart_that_is_drawn_no_more_goes(tmp_path: Path) -> None:
    folder = tmp_path / "speed"
    part = made_up()
    page.write({"load": part}, tmp_path / "speed.md", folder)
    page.write({"load": replace(part, charts=["seconds"])}, tmp_path / "speed.md", folder)
    assert [file.name for file in folder.iterdir()] == ["load-seconds.svg"]
    assert "peak_megabytes" not in (tmp_path / "speed.md").read_text()


def test_a_part_that_there_is_not_is_refused_with_those_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["loud"])
    assert f"there is no part `loud`; there are {', '.join(PARTS)}" in capsys.readouterr().err
