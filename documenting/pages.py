"""The pages that are written from the code, and what each of them holds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from dmrefresh.console.events import schema as schema_of_events
from dmrefresh.report.documents import SCHEMA as SCHEMA_OF_REPORTS
from documenting import commands, environment, events, exit_codes, report, ruleset, settings
from documenting.places import filled

DOCS = Path(__file__).resolve().parents[1] / "docs"


def _held(name: str) -> str:
    """A page as it is, of which places are written."""
    return (DOCS / name).read_text(encoding="utf-8")


PAGES: dict[str, Callable[[], str]] = {
    "reference/commands.md": commands.text,
    "reference/settings.md": settings.text,
    "reference/environment.md": environment.text,
    "reference/exit-codes.md": exit_codes.text,
    "reference/events.md": events.text,
    "reference/events.schema.json": schema_of_events,
    "reference/ruleset.md": lambda: filled(_held("reference/ruleset.md"), ruleset.TABLES),
    "reference/report.md": lambda: filled(_held("reference/report.md"), report.TABLES),
    "reference/report.schema.json": lambda: SCHEMA_OF_REPORTS.read_text(encoding="utf-8"),
}
"""What each page holds, by its path below docs/."""
