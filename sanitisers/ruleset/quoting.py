"""Names as the keys of a ruleset's file, in quotes where YAML would take them for something else."""

from __future__ import annotations

import re

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def key_of(name: str) -> str:
    """A name as a key of YAML, in quotes where it needs them."""
    if _PLAIN_KEY.fullmatch(name) and name.lower() not in {"null", "true", "false"}:
        return name
    escaped = "".join(c if c.isprintable() and c not in '"\\' else f"\\u{ord(c):04x}" for c in name)
    return f'"{escaped}"'
