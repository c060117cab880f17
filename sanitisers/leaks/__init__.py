"""What leaked is found: originals in what is kept, and what looks personal there."""

from __future__ import annotations
