"""All parts of the bench: what each is called, and what measures it."""

from __future__ import annotations

from collections.abc import Callable

from bench import growth, load, lz4
from bench.part import Part, Setting

PARTS: dict[str, Callable[[Setting], Part]] = {
    "growth": growth.measure,
    "load": load.measure,
    "lz4": lz4.measure,
}
