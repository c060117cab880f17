"""How many of a kind there are, in words."""

from __future__ import annotations


def counted(count: int, kind: str, *, more: bool = False) -> str:
    """`1 phone number`, `2,000 e-mail addresses`; with `more`, that there are others which were not counted."""
    plural = "" if count == 1 else "es" if kind.endswith("s") else "s"
    return f"{count:,}{' and more' if more else ''} {kind}{plural}"
