"""sanitisers schema: the grammar of rulesets for editors."""

from __future__ import annotations

from sanitisers.ruleset.editors import written


def run() -> str:
    """The JSON Schema (draft-07) of rulesets, as the text of a file."""
    return written()
