"""What the settings say about the reports of runs."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from dmrefresh.settings.section import Section


class Reports(Section):
    """Where the report of each run is kept: as a page, and as JSON."""

    runs: Path | None = None
    """The folder with one for each run; in the user's own folder for such things (`~/.local/state`) without it."""
    keep: int = Field(default=30, ge=1, le=10_000)
    """How many runs stay there."""
    s3: str | None = Field(default=None, pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9!_.*'()/-]+)?$")
    """A bucket, and after a slash what the names of its objects begin with, where each report is put as well."""
    region: str | None = None
    """Of that bucket; that of [dumps] without it."""
    endpoint_url: str | None = None
    """Where a store that is not AWS listens; that of [dumps] without it."""
