"""report: the report of a past run, made again as a page where that is wanted, or beside that of another run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dmrefresh.errors import UsageFailure
from dmrefresh.jobs.reports.keeping import place
from dmrefresh.report import runs
from dmrefresh.report.runs import Past
from dmrefresh.report.writing import write_page
from dmrefresh.settings.model import Settings


@dataclass(frozen=True, slots=True)
class Reported:
    """A past run, and its page.

    Attributes:
        past: the run.
        page: where its page is.
        compared: the name of the run that the page compares it with.
    """

    past: Past
    page: Path
    compared: str | None = None


def run(held: Settings, wanted: str | None = None, *, compare: str | None = None) -> Reported:
    """Find the report of a run; where its page is missing it is made again, and one that compares always.

    Args:
        held: the settings that hold.
        wanted: the run; the newest if None.
        compare: another run that it is compared with; `previous` is the one before it.

    Raises:
        NoSuchRun: there is none.
        UsageFailure: the page cannot be written.
    """
    past = runs.find(place(held), wanted)
    if compare is None:
        page = past.folder / runs.PAGE
        return Reported(past, page if page.is_file() else _written(page, past.document, None))
    other = _before(held, past) if compare == "previous" else runs.find(place(held), compare)
    name = str(other.document.get("run") or other.folder.name)
    page = past.folder / f"compared-with-{other.folder.name}.html"
    return Reported(past, _written(page, past.document, other.document), name)


def listed(held: Settings) -> list[Past]:
    """All runs that have left a report, the newest first."""
    return runs.past(place(held))


def _before(held: Settings, past: Past) -> Past:
    """The run before this one that was the same job for the same target or stage, and went well."""
    about = ("job", "target", "stage")
    for one in runs.past(place(held)):
        same = all(one.document.get(key) == past.document.get(key) for key in about)
        if same and one.folder.name < past.folder.name and one.document["exit_code"] == 0:
            return one
    raise runs.NoSuchRun(
        "No run before that one was of the same kind and went well.",
        hint="dmrefresh report --list shows which there are",
    )


def _written(page: Path, document: Any, other: Any) -> Path:
    try:
        return write_page(page, document, other)
    except OSError as error:
        raise UsageFailure(
            f"The page cannot be written to {page}: {error.strerror}.", hint="copy the folder to where you may write"
        ) from None
