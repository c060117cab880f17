"""When a job begins again from a clean start: what may heal, a bounded number of times."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import stamina

from dmrefresh.errors import DumpDamaged, Failure
from dmrefresh.observer import Observer

T = TypeVar("T")

_ATTEMPTS = 3
_DAMAGED_ATTEMPTS = 2
"""A damaged dump is downloaded once more: if the bucket holds it damaged, a third time changes nothing."""


def attempts(attempt: Callable[[int], T], observer: Observer) -> T:
    """Call `attempt` with the numbers from 1 on, until it succeeds or fails for good; returns what it returned.

    Raises:
        Failure: whatever the last attempt raised.
    """
    patience = _Patience()
    for one in stamina.retry_context(on=patience, attempts=_ATTEMPTS, timeout=None, wait_initial=1.0):
        with one:
            patience.attempt = one.num
            if one.num > 1:
                observer.note(f"attempt {one.num} of {_ATTEMPTS}, from a clean start")
            try:
                return attempt(one.num)
            except Failure as failure:
                if patience(failure) and one.num < _ATTEMPTS:
                    observer.warn(f"attempt {one.num} failed: {failure.what}")
                raise
    raise AssertionError("the last attempt returns or raises")


@dataclass(slots=True)
class _Patience:
    """Says whether a failure is worth another attempt."""

    attempt: int = 0

    def __call__(self, error: Exception) -> bool:
        if isinstance(error, DumpDamaged) and error.retry:
            return self.attempt < _DAMAGED_ATTEMPTS
        return isinstance(error, Failure) and error.retry
