"""How many cores there are for this process."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

_QUOTA = Path("/sys/fs/cgroup/cpu.max")
"""See cgroup-v2.rst in the kernel's documentation."""


def cores() -> float:
    """How many cores there are for this process, in its container."""
    found = float(len(os.sched_getaffinity(0)))
    with contextlib.suppress(OSError, ValueError):  # no container, or one without a limit, which reads `max`
        quota, period = _QUOTA.read_text().split()
        found = min(found, int(quota) / int(period))
    return found
