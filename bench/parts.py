"""All parts of the bench: what each is called, and what measures it."""

from __future__ import annotations

from collections.abc import Callable

from bench import load, rivals, startup
from bench.part import Part, Setting

PARTS: dict[str, Callable[[Setting], Part]] = {
    "load": load.measure,
    "rivals": rivals.measure,
    "startup": startup.measure,
}
