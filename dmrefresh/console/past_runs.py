"""What `dmrefresh report` prints: which run it is and where its page is, or the list of past runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from dmrefresh.console.lines import printable
from dmrefresh.console.showing import ago, aligned
from dmrefresh.durations import lasted


def headline(document: Mapping[str, Any]) -> str:
    """A run in one line: what it was of, how it ended, how long it took, and how long ago that was."""
    about = document.get("target") or document.get("stage") or ""
    began = document.get("began")
    when = f", {ago(datetime.fromisoformat(began))} ago" if began else ""
    job = document.get("job") or "run"
    return printable(f"{job} {about}: {ended(document)} in {lasted(document['total_seconds'])}{when}")


def ended(document: Mapping[str, Any]) -> str:
    """How a run ended: `succeeded`, or `failed (13)`."""
    code = document["exit_code"]
    return f"{document['status']} ({code})" if code else str(document["status"])


def table(documents: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """Past runs as a table, each with its name; where there are none, what leaves one."""
    if not documents:
        return "No run has left a report yet: dmrefresh clean-and-apply leaves one."
    rows: list[tuple[str, ...]] = [("run", "job", "of", "ended", "took", "rows")]
    for name, one in documents:
        rows_done = one.get("rows")
        count = sum(rows_done.values()) if isinstance(rows_done, dict) else rows_done
        rows.append(
            (
                name,
                str(one.get("job") or "?"),
                str(one.get("target") or one.get("stage") or "?"),
                ended(one),
                lasted(one["total_seconds"]),
                "" if count is None else f"{count:,}",
            )
        )
    return "\n".join(printable(line) for line in aligned(rows))
