"""Looks at the site that is built: every link leads somewhere, and no page fetches anything from elsewhere.

python -m documenting.site site
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

_FETCHED = {
    "audio": ("src",),
    "embed": ("src",),
    "iframe": ("src",),
    "img": ("src", "srcset"),
    "link": ("href",),
    "object": ("data",),
    "script": ("src",),
    "source": ("src", "srcset"),
    "track": ("src",),
    "video": ("src", "poster"),
}
"""What a browser fetches by itself, by element and attribute."""
_NAMED = {"canonical", "alternate", "next", "prev", "author", "license"}
"""Relations of a <link> that name something and fetch nothing."""
_IN_STYLES = re.compile(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)")
_ON_DEMAND = {"mermaid", "arithmatex"}
"""Classes for which the theme's script would fetch a library from elsewhere."""


@dataclass
class Page(HTMLParser):
    """What a page of HTML has in it.

    Attributes:
        anchors: where a link can lead within it.
        links: where its links lead, as they are written.
        fetched: what a browser fetches with it.
        on_demand: classes for which a script would fetch something.
    """

    anchors: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)
    on_demand: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()
        self._style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take what an element says."""
        said = {name: value or "" for name, value in attrs}
        self.anchors |= {said[name] for name in ("id", "name") if name in said}
        self.on_demand |= _ON_DEMAND & set(said.get("class", "").split())
        self._style = tag == "style"
        if tag == "a" and "href" in said:
            self.links.append(said["href"])
        if tag == "link" and _NAMED & set(said.get("rel", "").split()):
            return
        for name in _FETCHED.get(tag, ()):
            if name in said:
                self.fetched += [one.split()[0] for one in said[name].split(",")] if name == "srcset" else [said[name]]
        self.fetched += _styles(said.get("style", ""))

    def handle_data(self, data: str) -> None:
        """Take what a style sheet within the page says."""
        if self._style:
            self.fetched += _styles(data)

    def handle_endtag(self, tag: str) -> None:
        """A style sheet ends."""
        self._style = False


def troubles(site: Path) -> Iterator[str]:
    """Everything that is wrong with the site in a folder, a sentence each."""
    files = sorted(site.rglob("*.html"))
    if not files:
        yield f"{site} has no page"
    for file in files:
        name, page = file.relative_to(site), read(file)
        for link in page.links:
            if wrong := _dead(site, file, link):
                yield f"{name}: {link} {wrong}"
        for what in page.fetched:
            if wrong := _fetched(site, file, what):
                yield f"{name}: {what} {wrong}"
        for word in sorted(page.on_demand):
            yield f"{name}: something of the class {word} has a library fetched from elsewhere"
    for file in (*sorted(site.rglob("*.css")), *sorted(site.rglob("*.svg"))):
        for what in _styles(file.read_text(encoding="utf-8")):
            if wrong := _fetched(site, file, what):
                yield f"{file.relative_to(site)}: {what} {wrong}"


@cache
def read(file: Path) -> Page:
    """What a file of HTML has in it."""
    page = Page()
    page.feed(file.read_text(encoding="utf-8"))
    page.close()
    return page


def _styles(text: str) -> list[str]:
    return [(found[1] or found[2]).strip() for found in _IN_STYLES.finditer(text)]


def _dead(site: Path, file: Path, link: str) -> str | None:
    """What is wrong with a link that somebody may follow; of those that lead elsewhere nothing is known here."""
    if urlsplit(link).scheme or link.startswith("//"):
        return None
    path, _, anchor = link.partition("#")
    there = _there(site, file, path)
    if there is None or not there.exists():
        return "leads nowhere"
    if anchor and there.suffix == ".html" and unquote(anchor) not in read(there).anchors | {"__top"}:
        return "leads to no place of that page"
    return None


def _fetched(site: Path, file: Path, what: str) -> str | None:
    """What is wrong with something that a browser fetches."""
    if what.startswith(("data:", "#")):
        return None
    if urlsplit(what).scheme or what.startswith("//"):
        return "is fetched from elsewhere"
    there = _there(site, file, what.partition("#")[0])
    return None if there is not None and there.is_file() else "is not there"


def _there(site: Path, file: Path, path: str) -> Path | None:
    """The file that a path in a page means; None outside the site."""
    path = unquote(urlsplit(path).path)
    if not path:
        return file
    found = (site / path.lstrip("/") if path.startswith("/") else file.parent / path).resolve()
    if not found.is_relative_to(site.resolve()):
        return None
    return found / "index.html" if found.is_dir() else found


def main(arguments: list[str]) -> int:
    """Say what is wrong; returns the exit status."""
    found = list(troubles(Path(arguments[0] if arguments else "site")))
    for sentence in found:
        print(sentence, file=sys.stderr)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
