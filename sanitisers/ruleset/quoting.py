"""Names as a ruleset's file can hold them: as keys, in quotes where YAML would misread them, and in comments."""

from __future__ import annotations

import re

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def key_of(name: str) -> str:
    """A name as a key of YAML, in quotes where it needs them."""
    if _PLAIN_KEY.fullmatch(name) and name.lower() not in {"null", "true", "false"}:
        return name
    return f'"{"".join(map(_in_quotes, name))}"'


def _in_quotes(mark: str) -> str:
    if mark.isprintable() and mark not in '"\\':
        return mark
    return f"\\u{ord(mark):04x}" if ord(mark) < 0x10000 else f"\\U{ord(mark):08x}"


def in_comment(text: str) -> str:
    """A text that cannot end the comment it stands in, whatever a column is called."""
    return "".join(mark if mark.isprintable() else "?" for mark in text)
