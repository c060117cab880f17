"""Settings: where they come from, and what they may say; `settings.load()` is what holds here."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dmrefresh.settings.model import Loaded, Settings, load, loaded, overridable

__all__ = ["Loaded", "Settings", "load", "loaded", "overridable"]


def __getattr__(name: str) -> object:
    """What is asked for: the model loads pydantic, and whoever only looks where settings come from can do without."""
    if name not in __all__:
        raise AttributeError(name)
    return getattr(import_module("dmrefresh.settings.model"), name)
