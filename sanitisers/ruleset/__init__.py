"""The ruleset: what a file says (model), how it is read (loading), what it lacks (proposal)."""

from __future__ import annotations
