"""Lengths of time as settings say them: `90 minutes`, `7 days`."""

from __future__ import annotations

import re
from datetime import timedelta

_UNITS = {
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
}
_FORM = re.compile(rf"([1-9][0-9]{{0,5}})\s*({'|'.join(_UNITS)})s?", re.ASCII)


def duration(text: str) -> timedelta:
    """The length of time that `text` says: a whole number, and seconds, minutes, hours, days or weeks.

    Raises:
        ValueError: it says none; the message is a sentence that can be shown.
    """
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise ValueError("a length of time is a number and a unit, such as `90 minutes`, `3 hours` or `7 days`")
    return int(found[1]) * _UNITS[found[2]]


def spoken(length: timedelta) -> str:
    """A length of time as `duration` takes it, in the largest unit that divides it; down to whole seconds."""
    for name, unit in reversed(_UNITS.items()):
        count, rest = divmod(length, unit)
        if count and not rest:
            return f"{count} {name}" + ("s" if count > 1 else "")
    return f"{length.total_seconds():.0f} seconds"


def lasted(seconds: float) -> str:
    """How long something took, for people: `12 seconds`, `3 minutes 12 seconds`, `2 hours 5 minutes`."""
    whole = round(seconds)
    hours, minutes = divmod(whole // 60, 60)
    parts = [(hours, "hour"), (minutes, "minute")] if hours else [(minutes, "minute"), (whole % 60, "second")]
    said = [f"{count} {unit}" + ("" if count == 1 else "s") for count, unit in parts if count]
    return " ".join(said) or "less than a second"
