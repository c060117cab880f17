"""The ruleset: what a file says (model), how it is read (loading)."""

from __future__ import annotations
