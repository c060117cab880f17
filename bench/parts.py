"""All parts of the bench: what each is called, and what measures it."""

from __future__ import annotations

from collections.abc import Callable

from bench import backup, growth, load, lz4, rivals, stages, startup
from bench.part import Part, Setting

PARTS: dict[str, Callable[[Setting], Part]] = {
    "backup": backup.measure,
    "growth": growth.measure,
    "load": load.measure,
    "lz4": lz4.measure,
    "rivals": rivals.measure,
    "stages": stages.measure,
    "startup": startup.measure,
}
