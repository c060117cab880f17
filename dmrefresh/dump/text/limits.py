"""How much of a dump is held in memory at once."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """What is refused rather than held, in bytes.

    Attributes:
        statement: the longest SQL statement, comment or backslash line.
        row: the longest line of a COPY block; PostgreSQL itself cannot hold a field over 1 GiB.
        head: all statements before the first row together, since the Head keeps them.
    """

    statement: int = 64 * MIB
    row: int = 1024 * MIB
    head: int = 512 * MIB
