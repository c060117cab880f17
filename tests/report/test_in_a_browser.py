"""The page of a report as a real browser shows it: from a file, and as Jenkins serves it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from dmrefresh.report.writing import write_folder, write_page
from fixtures.parts.browser import PROGRAM, Browser, browser, served
from tests.report.documents import EVERY, failed, refreshed

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium on this machine")

WAYS = ("from a file", "as Jenkins serves it")


@pytest.fixture(scope="module")
def window() -> Iterator[Browser]:
    with browser() as made:
        yield made


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """For each way, where the folder with one page of each kind is."""
    folder = tmp_path_factory.mktemp("pages")
    for name, made in EVERY.items():
        write_folder(folder / name, made())
    write_page(folder / "refreshed" / "compared.html", refreshed(), refreshed(total_seconds=10.0))
    with served(folder) as url:
        yield {WAYS[0]: folder.as_uri(), WAYS[1]: url}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", EVERY)
def test_nothing_is_asked_for_but_the_page_and_its_style_and_nothing_goes_wrong(
    window: Browser, pages: dict[str, str], way: str, kind: str
) -> None:
    window.open(f"{pages[way]}/{kind}/report.html", width=1280)
    asked = [event["request"]["url"] for event in window.told("Network.requestWillBeSent")]
    asked = [url for url in asked if not url.endswith("favicon.ico")]
    assert asked == [f"{pages[way]}/{kind}/{name}" for name in ("report.html", "report.css")]
    troubles = [event["entry"] for event in window.told("Log.entryAdded")]
    refused = [one for one in troubles if one["source"] == "security"]
    # What stands in the page itself is refused there, and lies beside it.
    assert [one["text"].startswith("Applying inline style") for one in refused] == [True] * (way == WAYS[1])
    assert all("favicon" in one.get("url", "") for one in troubles if one not in refused)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_it_looks_the_same_as_jenkins_serves_it(window: Browser, pages: dict[str, str], *, dark: bool) -> None:
    seen = []
    for way in WAYS:
        window.open(f"{pages[way]}/refreshed/report.html", width=1280, dark=dark)
        seen.append(window.picture())
        ground = window.style("body")["background-color"]
        assert ground == ("rgb(16, 19, 22)" if dark else "rgb(246, 247, 248)")
        assert window.style(".series-busy .rect")["fill"] != window.style("body")["color"]
        assert window.style(".chart .background")["fill"] == "none"  # else it is a black box
    assert seen[0] == seen[1]


def test_it_is_whole_without_the_file_beside_it(window: Browser, pages: dict[str, str], tmp_path: Path) -> None:
    page = write_folder(tmp_path / "mailed", failed())
    (page.parent / "report.css").unlink()
    window.open(page.as_uri(), width=1280)
    assert window.style("header")["border-top-color"] == "rgb(179, 35, 27)"


@pytest.mark.parametrize("width", [1280, 390, 320])
@pytest.mark.parametrize("file", [*(f"{kind}/report.html" for kind in EVERY), "refreshed/compared.html"])
def test_no_page_is_wider_than_the_window(window: Browser, pages: dict[str, str], file: str, width: int) -> None:
    window.open(f"{pages[WAYS[0]]}/{file}", width=width)
    assert window.size()[0] == width


def test_text_that_somebody_has_made_twice_as_large_still_fits(window: Browser, pages: dict[str, str]) -> None:
    window.ask("Page.setFontSizes", fontSizes={"standard": 32, "fixed": 26})
    try:
        for width in (1280, 640):
            window.open(f"{pages[WAYS[0]]}/refreshed/report.html", width=width)
            assert window.style("td")["font-size"] == "30px"
            assert window.size()[0] == width
    finally:
        window.ask("Page.setFontSizes", fontSizes={"standard": 16, "fixed": 13})


def test_the_keyboard_reaches_everything_from_the_top_to_the_bottom_and_shows_where_it_is(
    window: Browser, pages: dict[str, str]
) -> None:
    window.open(f"{pages[WAYS[1]]}/refreshed/report.html", width=390)
    tops: list[float] = []
    names: list[str] = []
    for _ in range(200):
        window.press()
        focused = window.nodes(":focus")
        if not focused:
            break
        style = window.style(":focus")
        assert style["outline-style"] == "solid", names[-1:]
        assert float(style["outline-width"].removesuffix("px")) >= 2
        names.append(window.ask("DOM.describeNode", nodeId=focused[0])["node"]["localName"])
        tops.append(window.top(focused[0]))
        if names[-1] == "a" and names.count("a") == len(window.nodes("a")):
            break
    wanted = len(window.nodes("a, summary"))
    assert names.count("a") + names.count("summary") == wanted
    assert names[0] == "a"
    assert {"figure", "div"} <= set(names)  # what scrolls sideways
    assert all(after >= before for before, after in pairwise(tops[1:]))  # the first leads past the others


def test_a_screen_reader_is_told_what_there_is(window: Browser, pages: dict[str, str]) -> None:
    window.open(f"{pages[WAYS[1]]}/refreshed/report.html", width=390)
    roles = window.roles()
    kinds = [role for role, _ in roles]
    for landmark in ("banner", "navigation", "main", "contentinfo"):
        assert kinds.count(landmark) == 1, landmark
    assert all(name for role, name in roles if role in ("table", "image", "region", "heading", "link"))
    assert ("image", "Waterfall of the stages, as in the table below it") in roles
    # A table whose rows are blocks on a phone is a table all the same.
    assert [name for role, name in roles if role == "table" and "what was replaced, and a fake or two" in name]
    assert ("rowheader", "data.who") in roles
    assert ("columnheader", "such as") in roles


def test_what_is_folded_can_be_opened_without_a_script(window: Browser, pages: dict[str, str]) -> None:
    window.open(f"{pages[WAYS[1]]}/refreshed/report.html", width=1280)
    folded = window.nodes("details:not([open])")
    window.ask("DOM.focus", nodeId=window.nodes("details:not([open]) > summary")[0])
    window.press("Enter")
    assert len(window.nodes("details:not([open])")) == len(folded) - 1
