"""The page of a report: whole under Jenkins' policy, safe whatever stands in it, and there for every reader."""

from __future__ import annotations

import re
from dataclasses import asdict
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest

from dmrefresh.console import closing
from dmrefresh.report import page, words
from dmrefresh.report.model import LeakReport, TableReport
from tests.report.documents import EVERY, NASTY, backed_up, failed, refreshed, report

_BLOCKS = {"td", "th", "dt", "dd", "li", "p", "h1", "h2", "h3", "summary", "caption", "small", "bdi"}
_VOID = {"meta", "link", "br", "rect", "path", "wbr"}


class Parsed(HTMLParser):
    """The elements of a page: name, attributes and text of each, in their order; and who stands in whom."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None], list[str]]] = []
        self.inside: list[tuple[str, ...]] = []
        self._open: list[int] = []
        self.feed(html)
        assert not self._open, [self.elements[one][0] for one in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs), []))
        self.inside.append(tuple(self.elements[one][0] for one in self._open))
        if tag not in _VOID:
            self._open.append(len(self.elements) - 1)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs), []))
        self.inside.append(tuple(self.elements[one][0] for one in self._open))

    def handle_endtag(self, tag: str) -> None:
        assert self.elements[self._open[-1]][0] == tag, (tag, self.elements[self._open[-1]])
        self._open.pop()
        if tag in _BLOCKS:
            self.handle_data(" ")

    def handle_data(self, data: str) -> None:
        for one in self._open:
            self.elements[one][2].append(data)

    def all(self, tag: str) -> list[tuple[dict[str, str | None], str]]:
        return [(attrs, " ".join("".join(text).split())) for name, attrs, text in self.elements if name == tag]


@pytest.fixture(params=EVERY)
def document(request: pytest.FixtureRequest) -> dict[str, Any]:
    return EVERY[request.param]()


@pytest.mark.parametrize("compared", [False, True], ids=["alone", "compared"])
def test_a_page_has_nothing_that_a_policy_forbids_and_nothing_from_elsewhere(
    document: dict[str, Any], *, compared: bool
) -> None:
    html = page.rendered(document, document if compared else None)
    parsed = Parsed(html)
    for tag, attributes, text in parsed.elements:
        assert tag not in ("script", "iframe", "img", "object", "embed", "form", "base"), tag
        assert not [name for name in attributes if name == "style" or name.startswith("on")], (tag, attributes)
        for name in ("href", "src", "action", "xlink:href"):
            assert re.fullmatch(r"#\w+|report\.(css|json)|None", str(attributes.get(name))), attributes
        if tag == "style":
            assert not re.search(r"url\(|@import|expression", "".join(text))
    assert "://" not in html
    assert [one for one, _ in parsed.all("link")] == [{"rel": "stylesheet", "href": "report.css"}]


def test_what_stands_in_it_cannot_become_a_part_of_the_page(document: dict[str, Any]) -> None:
    html = page.rendered(document)
    assert "<script" not in html
    assert NASTY in "".join("".join(text) for _, _, text in Parsed(html).elements)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", html)


def test_headings_go_down_one_step_at_a_time_and_landmarks_are_there(document: dict[str, Any]) -> None:
    parsed = Parsed(page.rendered(document))
    levels = [int(tag[1]) for tag, _, _ in parsed.elements if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    for landmark in ("header", "nav", "main", "footer"):
        assert len(parsed.all(landmark)) == 1, landmark
    assert dict(parsed.all("html")[0][0]) == {"lang": "en"}
    names = [attributes["id"] for _, attributes, _ in parsed.elements if "id" in attributes]
    assert len(names) == len(set(names))
    links = [attributes["href"] or "" for attributes, _ in parsed.all("a")]
    targets = {link[1:] for link in links if link.startswith("#")}
    assert targets <= set(names)
    labels = {attributes["aria-labelledby"] for attributes, _ in parsed.all("section")}
    assert labels <= set(names)


def test_every_table_has_a_caption_and_every_head_says_of_what_it_is(document: dict[str, Any]) -> None:
    parsed = Parsed(page.rendered(document, document))
    tables, captions = parsed.all("table"), parsed.all("caption")
    assert len(tables) == len(captions) > 0
    assert all(text for _, text in captions)
    assert {attributes.get("scope") for attributes, _ in parsed.all("th")} <= {"col", "row"}
    rows = [
        place for place, (tag, _, _) in enumerate(parsed.elements) if tag == "tr" and "tbody" in parsed.inside[place]
    ]
    assert all(parsed.elements[place + 1][0] == "th" for place in rows)


def test_what_can_be_scrolled_can_be_reached_with_the_keyboard_and_has_a_name(document: dict[str, Any]) -> None:
    for tag, attributes, _ in Parsed(page.rendered(document)).elements:
        if "wide" in (attributes.get("class") or "").split():
            assert attributes.get("tabindex") == "0", tag
            assert attributes.get("aria-label"), tag
            assert attributes.get("role") in ("region", "group")
        assert attributes.get("tabindex") in (None, "0")


def test_each_chart_is_named_or_hidden_and_its_figures_stand_in_a_table() -> None:
    parsed = Parsed(page.rendered(refreshed()))
    charts = [attributes for attributes, _ in parsed.all("svg")]
    assert charts
    assert all(
        one.get("aria-hidden") == "true" or (one.get("role") == "img" and one.get("aria-label")) for one in charts
    )
    captions = [text for _, text in parsed.all("caption")]
    for words_of in (
        "Stages, in the order",
        "Megabytes a second that came out",
        "Megabytes a second that each stage gave",
    ):
        assert [one for one in captions if one.startswith(words_of)], words_of
    assert sum(one.get("class") == "line" for one in charts) == 3  # of what was weighed
    assert len([one for one in charts if one.get("class") == "chart"]) == 1


def text_of(html: str) -> str:
    return " ".join("".join("".join(text) for tag, _, text in Parsed(html).elements if tag == "body").split())


def test_what_a_reader_looks_for_first_stands_first() -> None:
    said = text_of(page.rendered(refreshed()))
    wanted = ["staging is refreshed", "Succeeded", "dmrefresh status --target staging", "Receipt", "0123456789abcdef"]
    wanted += ["Where the time went", "slowest", "Tables", "warned_of see the warnings", "emptied", "table_36"]
    wanted += ["1 table that no rule has changed", "What stands in the place of originals", "Ada", "Leak check"]
    wanted += ["1,000 originals that rules have replaced were looked for among 2,000 kept values: none was found."]
    wanted += ["1 rule for what the dump does not have any more", "Attempts and faults", "Lost."]
    place = 0
    for one in wanted:
        assert one in said[place:], (one, said[place : place + 300])
        place = said.index(one, place)


def test_what_may_be_a_leak_or_chance_is_not_told_as_none() -> None:
    some = refreshed(leak_check={"originals": 1000, "kept": 2000, "one_in": 1, "by_chance": 3})
    said = text_of(page.rendered(some))
    assert "among 2,000 kept values: 3 were found, as many as are the same by chance" in said
    assert "none was found" not in said
    assert "Leaks found 3 by chance" in said
    said = text_of(page.rendered(refreshed()))
    assert "none was found" in said
    assert "Leaks found 0" in said


def test_a_document_is_one_column_on_the_page_and_in_the_panel() -> None:
    table = TableReport("t", 5, 5, {"data": 5, "data.who": 3, "data.note": 2, "name": 5}, {})
    done = report(tables=[table], leak_check=LeakReport(1000, 2000, 1, 3))
    end = closing.of_refresh(done)
    assert end.figures["columns_sanitised"] == 2
    assert "Columns 2 " in text_of(page.rendered(refreshed(tables=[asdict(table)])))
    assert dict(end.facts)["leak check"] == (
        "3 of 1,000 originals among 2,000 kept values, as many as are the same by chance"
    )


def test_a_failure_says_what_and_what_is_untouched_and_what_to_do() -> None:
    html = page.rendered(failed())
    said = text_of(html)
    for one in ("staging was not refreshed", "Failed", "nothing was published.", "amend the ruleset", "Exit code 14"):
        assert one in said
    assert "The dump and the ruleset do not agree" in said
    pre = next("".join(text) for tag, _, text in Parsed(html).elements if tag == "pre")
    assert pre == f"tables:\n  users:\n    {NASTY}: person.name"  # as it can be pasted


def test_a_backup_has_its_digest_and_how_it_was_read_back() -> None:
    said = text_of(page.rendered(backed_up()))
    for one in ("ab" * 32, "Read back no", "check-dump production-202611240244.sql.gz.gpg --record", "users", "1,000"):
        assert one in said


def test_a_comparison_has_a_column_for_what_changed() -> None:
    before = refreshed(total_seconds=10.0, rows=10, run="20261101T024400Z-00000000")
    before["tables"] = [one for one in before["tables"] if one["name"] != "table_7"]
    before["stages"] = before["stages"] | {"sanitise": 4.5}
    html = page.rendered(refreshed(), before)
    said = text_of(html)
    assert "compared with the run 20261101T024400Z-00000000" in said
    assert "Time 20.5 s +105 %" in said
    assert re.search(r"sanitise slowest.*?9\.0 s \+100 %", said)
    assert re.search(r"table_7 7,000 6,999 1 6,307 new", said)
    assert re.search(r"table_8 8,000 7,998 2 7,208 ±0", said)
    assert "change" not in text_of(page.rendered(refreshed())).split()


def colours(style: str) -> tuple[dict[str, str], dict[str, str]]:
    """The variables of the light page and of the dark one."""
    light, dark = (
        dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block)) for block in re.findall(r":root \{(.*?)\}", style, re.S)
    )
    assert light.keys() == dark.keys()
    return light, dark


def contrast(one: str, other: str) -> float:
    """As WCAG 2.2 has it."""

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("which", [0, 1], ids=["light", "dark"])
def test_all_text_is_readable_and_what_a_chart_says_can_be_seen(which: int) -> None:
    found = colours(page.style())[which]
    texts = [("text", on) for on in ("page", "card", "rest", "mark")]
    texts += [("muted", on) for on in ("page", "card", "mark")] + [("accent", on) for on in ("page", "card")]
    texts += [(kind, f"{kind}-soft") for kind in ("good", "look", "bad")]
    for text, on in texts:
        assert contrast(found[text], found[on]) >= 4.5, (text, on)
    for shape in ("accent", "good", "look", "bad"):  # bars, their edges, the focus and the edge of the verdict
        assert contrast(found[shape], found["card"]) >= 3, shape


def test_colours_are_named_once_and_the_focus_is_to_be_seen() -> None:
    style = page.style()
    rules = style[style.index("* {") :]
    assert not re.search(r"#[0-9a-f]{3,6}\b|rgb\(|hsl\(", rules)
    assert "outline: none" not in style
    assert ":focus-visible { outline: 3px solid var(--accent)" in style
    assert not re.findall(
        r"font-size: \d+px", style.replace(".chart text { fill: var(--muted); font-size: 13px; }", "")
    )


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (words.size(999), "999 B"),
        (words.size(1_234_567), "1.2 MB"),
        (words.seconds(0.044), "0.04 s"),
        (words.seconds(192.4), "3 min 12 s"),
        (words.seconds(7500), "2 h 05 min"),
        (words.rate(85_300_000, 1), "85.3 MB/s"),
        (words.rate(None, 1), "–"),
        (words.rate(716_400, 0.001), "–"),
        (words.changed(12, 10), "+20 %"),
        (words.changed(0, 0), "±0 %"),
        (words.changed(3, 0), "–"),
        (words.signed(-1234), "−1,234"),
        (words.plain("a\u202eb\ud800"), "a\\u202eb\\ud800"),
        (words.moment("never"), "never"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_figures_are_said_for_people(said: str, shown: str) -> None:
    assert said == shown
