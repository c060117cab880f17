"""What the settings say about a run as a whole: how long it may take, how often it begins, and what it takes."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from dmrefresh.settings.section import Duration, Section


class Job(Section):
    """How long things may take, such as `90 minutes` or `3 hours`."""

    deadline: Duration = timedelta(hours=6)
    """A whole run; at its deadline it ends in order, and nothing is published."""
    hook_limit: Duration = timedelta(minutes=30)
    """Each command of a target's `before` and `after`."""
    attempts: int = Field(default=3, ge=1, le=20)
    """How often a run is begun, in all, where what went wrong may heal."""
    first_wait: Duration = timedelta(seconds=5)
    """About how long the second attempt is waited for; each further one four times as long, up to five minutes."""
    threads: int = Field(default=1, ge=1, le=16)
    """How many blocks of rows the first process sanitises at a time; each takes some 30 MB; two cores gain nothing by
    it."""
    processes: int | None = Field(default=None, ge=1, le=4)
    """How many processes sanitise rows; each after the first takes some 130 MB. Unsaid, it is two where the dump is
    large, and the target on another machine or there are more than two cores. What comes out is the same for any
    number. One on a single core, where the ruleset has functions of your own, and elsewhere than on Linux."""
