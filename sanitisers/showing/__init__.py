"""A ruleset explained to a person: which rule, why, and what becomes of values, which are shown as shapes."""

from __future__ import annotations
