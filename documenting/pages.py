"""The pages that are written from the code, and what each of them holds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from dmrefresh.console.events import schema as schema_of_events
from documenting import commands, environment, events, exit_codes, ruleset, settings

DOCS = Path(__file__).resolve().parents[1] / "docs"

PAGES: dict[str, Callable[[], str]] = {
    "reference/commands.md": commands.text,
    "reference/settings.md": settings.text,
    "reference/environment.md": environment.text,
    "reference/exit-codes.md": exit_codes.text,
    "reference/events.md": events.text,
    "reference/events.schema.json": schema_of_events,
    "reference/ruleset.md": lambda: ruleset.filled((DOCS / "reference" / "ruleset.md").read_text(encoding="utf-8")),
}
"""What each page holds, by its path below docs/."""
