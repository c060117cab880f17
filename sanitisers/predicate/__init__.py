"""A condition on a row's own columns: what it says (tree), how it is read (reading), what it means here (fitting)."""

from __future__ import annotations
