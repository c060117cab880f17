"""How long a refresh will go on, told from the size of the stored dump and from how fast it has been so far.

The chain goes over the object twice: to hear gpg's verdict, and to load it. Before the load has begun its speed is not
known; then it is taken to be what it usually is, or what reading and sanitising took before (`verify_first`).
"""

from __future__ import annotations

from dataclasses import dataclass

from dmrefresh.observer import Sample, Stopwatch

_USUAL = 5e6
"""Bytes of the encrypted, compressed dump that are loaded in a second, before it is known."""
_AFTER = 0.25
"""Indexes, foreign keys and checks take so much of what the rows took."""
_STARTED = 1.0
"""Seconds of loading before its speed is believed."""


@dataclass(frozen=True, slots=True)
class Course:
    """How far an attempt has come.

    Attributes:
        at: seconds since it began.
        size: bytes of the stored object.
        fetched, loaded: bytes of it that were fetched, and that were taken again to be used.
        fetch_began, fetch_ended, load_began, load_ended: when, in seconds; None where it has not begun or ended.
        used: seconds in which what came of the first pass was used for more than gpg's verdict.
        after: how much of what the rows take follows after them.
    """

    at: float
    size: int
    fetched: int = 0
    loaded: int = 0
    fetch_began: float | None = None
    load_began: float | None = None
    load_ended: float | None = None
    used: float = 0.0
    after: float = _AFTER

    @classmethod
    def of(cls, stopwatch: Stopwatch, now: Sample, size: int) -> Course:
        """As the stopwatch has it now."""
        fetch = stopwatch.flows.get("fetch")
        load = stopwatch.flows.get("reread") or stopwatch.flows.get("read back")
        loaded = load.bytes if load else 0
        used = 0.0
        if fetch is not None:
            until = load.began if load else now.at
            used = until - fetch.began - now.seconds.get("fetch", 0.0) - now.seconds.get("verify", 0.0)
        return cls(
            at=now.at,
            size=size,
            fetched=fetch.bytes if fetch else 0,
            loaded=loaded,
            fetch_began=fetch.began if fetch else None,
            load_began=load.began if load else None,
            load_ended=load.ended if load and loaded >= size else None,
            used=max(used, 0.0),
            after=0.0 if "read back" in stopwatch.flows else _AFTER,
        )


def remaining(course: Course) -> float | None:
    """About how many seconds it will go on; None where nothing is known yet."""
    if course.load_began is None:
        if course.fetch_began is None or course.fetched == 0 or course.at <= course.fetch_began:
            return None
        to_fetch = (course.at - course.fetch_began) * (course.size - course.fetched) / course.fetched
        return max(to_fetch, 0.0) + _whole_load(course) * (1 + course.after)
    passed = course.at - course.load_began
    if course.load_ended is not None:
        took = max(course.load_ended - course.load_began, 0.1)
        return max(took * (1 + course.after) - passed, took * 0.02)
    if course.loaded == 0 or passed < _STARTED:
        return max(_whole_load(course) * (1 + course.after) - passed, 0.0)
    return passed * course.size / course.loaded * (1 + course.after) - passed


def _whole_load(course: Course) -> float:
    """Seconds that the load will take."""
    seconds = course.size / _USUAL
    if course.fetched:
        seconds = max(seconds, course.used * course.size / course.fetched)
    return seconds
