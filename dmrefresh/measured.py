"""measured: how many bytes go by, and their SHA-256."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator


class Measured:
    """Size (bytes) and SHA-256 of what has gone by so far."""

    def __init__(self) -> None:
        self.size = 0
        self._digest = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """In hexadecimal."""
        return self._digest.hexdigest()

    def all_of(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the blocks, measuring each before it is handed on."""
        for block in blocks:
            self.size += len(block)
            self._digest.update(block)
            yield block
