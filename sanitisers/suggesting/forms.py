"""Rules for a column whose texts a check of the schema holds to a form, such as `^FM-[0-9]{8}$`."""

from __future__ import annotations

import string

from sanitisers.ruleset.mistakes import Problem
from sanitisers.ruleset.patterns import parse_pattern

_ENOUGH = 6
"""Digits that have room for the numbers of a table's rows."""
_DIGITS = set(string.digits)


def of_form(form: str, key: str, *, unique: bool) -> tuple[str, ...]:
    """The rules whose texts have a form, the best first; none where it is not of a fixed length.

    Args:
        form: a regular expression, as a check has it.
        key: a column of the table with a number for each row; empty where there is none.
        unique: whether no text may come twice.
    """
    if not (form.startswith("^") and form.endswith("$")):
        return ()
    try:
        places = parse_pattern(form)
    except Problem:
        return ()
    numbered = _numbered(places, key) if unique and key else ""
    pattern = form.removeprefix("^").removesuffix("$").replace("'", "''")
    own = ", unique: true" if unique else ""
    return (*([numbered] if numbered else []), f"{{pattern: '{pattern}'{own}}}")


def _numbered(places: tuple[str, ...], key: str) -> str:
    """A template with the row's number in the longest run of digits; empty where no run is long enough."""
    start, length = 0, 0
    begun = None
    for at, letters in enumerate((*places, "")):
        if letters and set(letters) >= _DIGITS:
            begun = at if begun is None else begun
        elif begun is not None:
            if at - begun > length:
                start, length = begun, at - begun
            begun = None
    if length < _ENOUGH:
        return ""
    before, behind = ("".join(letters[0] for letters in part) for part in (places[:start], places[start + length :]))
    if any(mark in before + behind for mark in '{}"\\'):
        return ""
    return f'{{template: "{before}{{{key}:0{length}}}{behind}"}}'
