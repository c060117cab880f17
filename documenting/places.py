"""Places in a page that people write, which hold what is written from the code."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

_PLACE = re.compile(r"(<!-- written: ([\w-]+) -->\n\n).*?(\n\n<!-- written -->)", re.DOTALL)


def filled(text: str, tables: Mapping[str, Callable[[], str]]) -> str:
    """The page with its places as the code has them now.

    Args:
        text: the page.
        tables: what each place holds, by its name.

    Raises:
        KeyError: it has a place that nothing is known of.
    """
    return _PLACE.sub(lambda found: found[1] + tables[found[2]]() + found[3], text)


def places(text: str) -> list[str]:
    """The names of the places that a page has."""
    return [found[2] for found in _PLACE.finditer(text)]
