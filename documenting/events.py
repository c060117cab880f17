"""The page of events: what `--json` prints while a job runs, a line each."""

from __future__ import annotations

import json
from typing import Any

from dmrefresh.console.events import schema
from documenting.json_schema import fields
from documenting.markdown import block, page

ABOUT = """
With `--json` a job prints one JSON object a line on standard output, and nothing on standard error. The first line is
`version`, the last one `summary` or `error`; in between comes what happens, as it happens. The exit code is the same as
without. A reader that is slow or gone holds nothing up: what it has not taken of progress is left out.

Ignore events and fields that you do not know. Refuse a `version` that you do not know. No field holds an object or a
list, and none holds a value of the data. [events.schema.json](events.schema.json) is the JSON Schema of a line; a test
holds what is printed against it.

Every event has `event`, its name, and `at`, the moment in UTC. The other fields of each are below.
"""
EXAMPLE = """
dmrefresh clean-and-apply --target staging --confirm staging --json | jq -r 'select(.event == "error") | .next'
"""


def text() -> str:
    """What the page holds."""
    whole: Any = json.loads(schema())
    pieces = [ABOUT, block("sh", EXAMPLE)]
    for one in whole["oneOf"]:
        pieces += [f"## {one['title']}", one.get("description", ""), fields(one, whole, ("event", "at"))]
    return page("Events", *pieces)
