"""The table: everything that can be wrong or unusual in the text of a dump, and what comes of it."""

from __future__ import annotations

from tests.faults import commands, endings, shapes, spellings, surroundings

CASES = [*endings.CASES, *commands.CASES, *spellings.CASES, *shapes.CASES, *surroundings.CASES]
