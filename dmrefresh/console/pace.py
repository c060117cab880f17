"""How far a run is, how fast, what it waits for, and how long it will go on: read off its stopwatch now and then."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from dmrefresh.console.remaining import FLOWS, Course, part_loaded, remaining
from dmrefresh.stopwatch import Sample, Stopwatch

CHAIN = (
    "fetch",
    "verify",
    "reread",
    "decrypt",
    "gunzip",
    "pg_dump",
    "read",
    "sanitise",
    "gzip",
    "gpg",
    "upload",
    "publish",
    "checks",
    "commit",
    "read back",
)
"""All stages, each after those that it takes from."""
_FIRST, _AGAIN = "fetch", ("reread", "read back")
"""The stages that read the stored object: to prove it whole, and to use it."""
_ALIKE = ("fetch", "verify", "reread", "read back")
"""Those that give about as many bytes as the object has."""
_LATELY = 3.0
"""Seconds over which speed is measured."""
_JUST_NOW = 1.0
"""Seconds over which it is seen what is waited for."""
_OFTEN = 0.1
"""Seconds between two moments that are kept in mind, at least."""
_FED = {"verify": ("fetch",), "decrypt": ("reread",), "gpg": ("pg_dump", "read", "gzip")}
"""The programs that another thread feeds, and with what: they seem busy while they wait for it."""
_NEARLY = 0.7
"""What feeds a program that seems the busiest is what is waited for, where it is as busy as that in comparison."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of the chain in a moment.

    Attributes:
        name: what it is called everywhere.
        bytes: what it has given; None where that cannot be weighed.
        rate: bytes a second lately; None where it has no bytes.
        busy: which part of the last second it was at work, 0 to 1.
        share: how far it is, 0 to 1; None where that is not known.
    """

    name: str
    bytes: int | None
    rate: float | None
    busy: float
    share: float | None


@dataclass(frozen=True, slots=True)
class Pace:
    """A run in a moment.

    Attributes:
        seconds: since the attempt began.
        stages: those that have begun, in the order of the chain.
        share: how far the load, or before it the download, is, 0 to 1; None where nobody knows.
        rate: bytes of the stored object a second that are read, or made, lately.
        loading: whether the object is being used by now, and not only fetched.
        left: about how many seconds it will go on; None where nobody knows.
        waits_for: the stage that everything else waits for.
    """

    seconds: float
    stages: tuple[Stage, ...]
    share: float | None
    rate: float | None
    loading: bool
    left: float | None
    waits_for: str | None


class Meter:
    """Reads a stopwatch; to be asked a few times a second, or once in ten.

    Args:
        stopwatch: of the attempt.
        size: bytes of the stored object that is read; None where one is made.
    """

    def __init__(self, stopwatch: Stopwatch, size: int | None) -> None:
        self.stopwatch = stopwatch
        self.size = size
        self.loaded = False
        self._flowing: tuple[float, float] | None = None
        self._seen: deque[Sample] = deque(maxlen=64)
        self._lock = threading.Lock()
        """Who loads and who looks on every now and then come at once."""

    def all_loaded(self) -> None:
        """All rows are with the server: what is left is looking at them."""
        self.loaded = True

    def look(self) -> Sample:
        """Keep in mind how far it is now; to be called a few times a second, for what `read` says of the last one."""
        now = self.stopwatch.sample()
        with self._lock:
            if not self._seen or now.at - self._seen[-1].at >= _OFTEN:
                self._seen.append(now)
        return now

    def read(self) -> Pace:
        """How far it is now."""
        now = self.look()
        lately, just_now = self._before(now, _LATELY), self._before(now, _JUST_NOW)
        reading = next((name for name in (*_AGAIN, _FIRST) if name in now.bytes and self.size), None)
        share = None if reading is None else self._how_far(reading, now)
        if self._flowing is None and share is not None and share >= FLOWS and reading in _AGAIN:
            self._flowing = (now.at, share)
        source = reading or ("gpg" if "gpg" in now.bytes else None)
        names = [name for name in CHAIN if name in now.bytes or name in now.seconds]
        busy = {name: _busy(name, just_now, now) for name in names}
        return Pace(
            seconds=now.at,
            stages=tuple(
                Stage(name, now.bytes.get(name), _rate(name, lately, now), busy[name], self._share(name, share, now))
                for name in names
            ),
            share=share,
            rate=None if source is None else _rate(source, lately, now),
            loading=reading in _AGAIN,
            left=self._left(now),
            waits_for=None if self.stopwatch.idle else busiest(busy),
        )

    def _before(self, now: Sample, seconds: float) -> Sample:
        """The youngest state that is at least so old; the oldest there is where none is."""
        with self._lock:
            seen = tuple(self._seen)
        older = [one for one in seen if now.at - one.at >= seconds]
        if older:
            return older[-1]
        return seen[0] if seen else Sample(0.0, {}, {})

    def _how_far(self, reading: str, now: Sample) -> float:
        size = self.size or 1
        unpacked = self.stopwatch.expected.get("gunzip")
        loaded = part_loaded(now, size, unpacked) if reading in _AGAIN else None
        return min(now.bytes[reading] / size, 1.0) if loaded is None else loaded

    def _share(self, name: str, share: float | None, now: Sample) -> float | None:
        """How far a stage is. What comes out of the dump has no size that is known before, so it is as far as the
        object is read."""
        if self.size is None or share is None:
            return None
        if name == "decrypt":
            return share
        if name in _ALIKE and name in now.bytes:
            return 1.0 if self._is_proved(name, now) else min(now.bytes[name] / self.size, 1.0)
        if self.loaded and name != "checks" and name != "commit":
            return 1.0
        if name == "publish":  # it is given the rows, and then makes indexes, which nobody can weigh
            return share if share < 1.0 else None
        return share if name in now.bytes else None

    @staticmethod
    def _is_proved(name: str, now: Sample) -> bool:
        return name in (_FIRST, "verify") and any(other in now.bytes for other in _AGAIN)

    def _left(self, now: Sample) -> float | None:
        if self.size is None:
            return None
        return remaining(Course.of(self.stopwatch, now, self.size, self._flowing))


def _busy(name: str, before: Sample, now: Sample) -> float:
    passed = now.at - before.at
    if passed <= 0:
        return 0.0
    return max(0.0, min((now.seconds.get(name, 0.0) - before.seconds.get(name, 0.0)) / passed, 1.0))


def _rate(name: str, before: Sample, now: Sample) -> float | None:
    passed = now.at - before.at
    if name not in now.bytes or passed <= 0:
        return None
    return (now.bytes[name] - before.bytes.get(name, 0)) / passed


def busiest(seconds: Mapping[str, float]) -> str | None:
    """The stage that all others wait for, by how long each was busy; None where none was."""
    name = max(seconds, key=seconds.__getitem__, default=None)
    if name is None or seconds[name] <= 0:
        return None
    feeding = max(_FED.get(name, ()), key=lambda one: seconds.get(one, 0.0), default=name)
    return feeding if seconds.get(feeding, 0.0) >= seconds[name] * _NEARLY else name
