"""Settings: where they come from, and what they may say; `settings.load()` is what holds here."""

from __future__ import annotations

from dmrefresh.settings.model import Loaded, Settings, load, loaded, overridable

__all__ = ["Loaded", "Settings", "load", "loaded", "overridable"]
