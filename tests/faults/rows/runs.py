"""Signals, children, and the surroundings of a run."""

from __future__ import annotations

from tests.faults.row import Row

TITLE = "A run, its children and its surroundings"

ROWS: tuple[Row, ...] = ()
