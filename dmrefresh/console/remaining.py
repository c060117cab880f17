"""How long a refresh will go on, told from the size of the stored dump and from how fast it has been so far.

The chain goes over the object twice: to hear gpg's verdict, and to load it. Before the load has begun its speed is not
known; then it is taken to be what it usually is, or what reading and sanitising took before (`verify_first`).
"""

from __future__ import annotations

from dataclasses import dataclass

from dmrefresh.stopwatch import Sample, Stopwatch

_USUAL = 5e6
"""Bytes of the encrypted, compressed dump that are loaded in a second, before it is known."""
_AFTER = 0.25
"""Indexes, foreign keys and checks take so much of what the rows took."""
_MODULUS = 1 << 32
_DOUBTFUL = 3.0
"""So many times more, or less, than was expected is not what gzip meant: there was another member before its last."""
_STARTED = 1.5
"""Seconds of loading before its speed is believed."""
FLOWS = 0.005
"""The part of the load by which rows flow as they will go on."""


@dataclass(frozen=True, slots=True)
class Course:
    """How far an attempt has come.

    Attributes:
        at: seconds since it began.
        size: bytes of the stored object.
        fetched: bytes of it that were fetched.
        loaded: which part of it was taken again to be used, 0 to 1.
        fetch_began, load_began, load_ended: when, in seconds; None where it has not begun or ended.
        flowing: since when rows flow, in seconds, and which part was loaded by then: before that the server makes
            tables, and fakes are made up, which takes its time once; None where they do not flow yet.
        used: seconds in which what came of the first pass was used for more than gpg's verdict.
        after: how much of what the rows take follows after them.
    """

    at: float
    size: int
    fetched: int = 0
    loaded: float = 0.0
    fetch_began: float | None = None
    load_began: float | None = None
    load_ended: float | None = None
    flowing: tuple[float, float] | None = None
    used: float = 0.0
    after: float = _AFTER

    @classmethod
    def of(cls, stopwatch: Stopwatch, now: Sample, size: int, flowing: tuple[float, float] | None = None) -> Course:
        """As the stopwatch has it now."""
        fetch = stopwatch.flows.get("fetch")
        load = stopwatch.flows.get("reread") or stopwatch.flows.get("read back")
        loaded = part_loaded(now, size, stopwatch.expected.get("gunzip")) or 0.0
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
            load_ended=_ended(stopwatch) if loaded >= 1.0 else None,
            flowing=flowing,
            used=max(used, 0.0),
            after=0.0 if "read back" in stopwatch.flows else _AFTER,
        )


def part_loaded(now: Sample, size: int, unpacked: int | None = None) -> float | None:
    """Which part of the object was taken again to be used, 0 to 1; None where that has not begun.

    Args:
        now: how many bytes each stage has given. What is decrypted counts more than what was read, some of which is
            under way to gpg; the first pass has shown how much that is.
        size: of the object, in bytes.
        unpacked: bytes that it unpacks to, modulo 2**32, if that is known. Documents pack far better than numbers, and
            take their time by what they are unpacked; so this is the better measure where it can be true.
    """
    for name, whole in (("decrypt", now.bytes.get("verify", 0)), ("reread", size), ("read back", size)):
        if name in now.bytes and whole:
            packed = min(now.bytes[name] / whole, 1.0)
            return packed if unpacked is None else _by_text(now.bytes.get("gunzip", 0), packed, unpacked)
    return None


def _by_text(plain: int, packed: float, unpacked: int) -> float:
    """Which part of the text was read; as much as of what it is packed in, where that cannot be told."""
    if not plain or not packed:
        return packed
    about = plain / packed
    whole = unpacked + max(round((about - unpacked) / _MODULUS), 0) * _MODULUS
    if not about / _DOUBTFUL < whole < about * _DOUBTFUL:
        return packed
    return min(plain / whole, 1.0)


def _ended(stopwatch: Stopwatch) -> float:
    """When the last of the object was used."""
    used = ("gunzip", "decrypt", "reread", "read back")
    return max(stopwatch.flows[name].ended for name in used if name in stopwatch.flows)


def remaining(course: Course) -> float | None:
    """About how many seconds it will go on; None where nothing is known yet, or it takes longer than was thought."""
    if course.load_began is None:
        if course.fetch_began is None or course.fetched == 0 or course.at <= course.fetch_began:
            return None
        to_fetch = (course.at - course.fetch_began) * (course.size - course.fetched) / course.fetched
        return max(to_fetch, 0.0) + _whole_load(course) * (1 + course.after)
    passed = course.at - course.load_began
    if course.load_ended is not None:
        took = max(course.load_ended - course.load_began, 0.1)
        left = took * (1 + course.after) - passed
        return left if left > 0 else None
    if course.loaded <= 0 or passed < _STARTED:
        return max(_whole_load(course) * (1 + course.after) - passed, 0.0)
    since, by_then = course.flowing or (course.load_began, 0.0)
    if course.at - since < _STARTED or course.loaded <= by_then:
        since, by_then = course.load_began, 0.0
    speed = (course.loaded - by_then) / (course.at - since)
    start = since - course.load_began - by_then / speed
    return start + (1 + course.after) / speed - passed


def _whole_load(course: Course) -> float:
    """Seconds that the load will take."""
    seconds = course.size / _USUAL
    if course.fetched:
        seconds = max(seconds, course.used * course.size / course.fetched)
    return seconds
