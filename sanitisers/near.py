"""What somebody may have meant: the known word that is spelt most like one that is not known."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean …?` where something known is spelt much like `word`, else nothing."""
    near = difflib.get_close_matches(word, [*known], n=1, cutoff=0.6)
    return f"; did you mean `{near[0]}`?" if near else ""
