"""A rule held against its column, and made into an edit for the engine; or it does not fit, before anything runs."""

from __future__ import annotations
