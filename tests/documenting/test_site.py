"""What is wrong with a site that was built is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from documenting import site

HEAD = '<html><head><link rel="stylesheet" href="style.css"><link rel="canonical" href="https://example.org/"></head>'
OTHER = f'{HEAD}<h1 id="top">Other</h1>'
GOOD = f"""{HEAD}<h1 id="here">Here</h1>
<a href="#here">a</a> <a href="sub/other.html#top">b</a> <a href="https://example.org/">c</a> <a href="sub/">d</a>
<img src="sub/picture.svg" srcset="sub/picture.svg 1x, sub/picture.svg 2x"><img src="data:image/png;base64,AA">"""


@pytest.fixture
def built(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    (folder / "sub").mkdir(parents=True)
    (folder / "index.html").write_text(GOOD)
    (folder / "sub" / "other.html").write_text(OTHER.replace("style.css", "../style.css"))
    (folder / "sub" / "index.html").write_text(OTHER.replace("style.css", "/style.css"))
    (folder / "sub" / "picture.svg").write_text("<svg/>")
    (folder / "style.css").write_text("a { background: url('sub/picture.svg') } b { mask: url(data:image/svg+xml,x) }")
    site.read.cache_clear()
    return folder


def test_nothing_is_found_where_nothing_is_wrong(built: Path) -> None:
    assert list(site.troubles(built)) == []
    assert site.main([str(built)]) == 0


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('<a href="gone.html">x</a>', "gone.html leads nowhere"),
        ('<a href="sub/other.html#gone">x</a>', "sub/other.html#gone leads to no place of that page"),
        ('<a href="#gone">x</a>', "#gone leads to no place of that page"),
        ('<a href="../elsewhere.html">x</a>', "../elsewhere.html leads nowhere"),
        ('<img src="gone.png" alt="x">', "gone.png is not there"),
        ('<img src="https://example.org/x.png" alt="x">', "https://example.org/x.png is fetched from elsewhere"),
        ('<img srcset="//example.org/x.png 2x" alt="x">', "//example.org/x.png is fetched from elsewhere"),
        ('<script src="https://example.org/x.js"></script>', "https://example.org/x.js is fetched from elsewhere"),
        ('<link rel="preconnect" href="https://example.org">', "https://example.org is fetched from elsewhere"),
        ('<p style="background: url(https://example.org/x)">', "https://example.org/x is fetched from elsewhere"),
        ("<style>@import 'https://example.org/x';</style>", "https://example.org/x is fetched from elsewhere"),
        ('<pre class="mermaid">x</pre>', "something of the class mermaid has a library fetched from elsewhere"),
    ],
)
def test_what_is_wrong_is_found(built: Path, more: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    (built / "index.html").write_text(GOOD + more)
    assert site.main([str(built)]) == 1
    assert capsys.readouterr().err == f"index.html: {said}\n"


def test_a_style_sheet_that_fetches_is_found(built: Path) -> None:
    (built / "style.css").write_text("@import url(https://example.org/font.css); a { mask: url(gone.svg) }")
    assert list(site.troubles(built)) == [
        "style.css: https://example.org/font.css is fetched from elsewhere",
        "style.css: gone.svg is not there",
    ]


def test_a_picture_that_fetches_is_found(built: Path) -> None:
    (built / "sub" / "picture.svg").write_text(
        "<svg><style>@font-face { src: url(https://example.org/f) }</style></svg>"
    )
    assert list(site.troubles(built)) == ["sub/picture.svg: https://example.org/f is fetched from elsewhere"]


def test_a_folder_without_a_page_is_no_site(tmp_path: Path) -> None:
    assert len(list(site.troubles(tmp_path))) == 1
