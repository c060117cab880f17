"""A value as a settings file has it."""

from __future__ import annotations

import json


def as_toml(value: object) -> str:
    """A string, a number, a truth or a list of these, in TOML."""
    # A basic string of TOML takes what one of JSON does; what it forbids beyond that is escaped here.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
