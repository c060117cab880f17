"""The checksum that S3 keeps with an object, held against what was received, in however many pieces."""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Callable, Mapping
from typing import Any, Protocol


class _Sum(Protocol):
    def update(self, block: bytes, /) -> None: ...

    def digest(self) -> bytes: ...


class _Crc32:
    def __init__(self) -> None:
        self._sum = 0

    def update(self, block: bytes, /) -> None:
        self._sum = zlib.crc32(block, self._sum)

    def digest(self) -> bytes:
        return self._sum.to_bytes(4, "big")


# S3 knows more, of which Python's own library can compute none.
_KINDS: dict[str, Callable[[], _Sum]] = {
    "ChecksumSHA256": hashlib.sha256,
    "ChecksumSHA1": lambda: hashlib.sha1(usedforsecurity=False),
    "ChecksumCRC32": _Crc32,
}


class KeptChecksum:
    """What S3 says of the whole object when it is opened, if it says anything that can be computed here.

    A checksum of the parts' checksums (it ends in their number) says nothing of the bytes in their order.

    Args:
        answer: of S3, to a request for the whole object.
    """

    def __init__(self, answer: Mapping[str, Any]) -> None:
        self._sum: _Sum | None = None
        self._expected = ""
        for name, kind in _KINDS.items():
            said = str(answer.get(name, ""))
            if said and "-" not in said and answer.get("ChecksumType") != "COMPOSITE":
                self._sum, self._expected = kind(), said
                return

    def update(self, block: bytes) -> None:
        """These bytes come next."""
        if self._sum is not None:
            self._sum.update(block)

    @property
    def holds(self) -> bool:
        """Whether what came is what S3 has kept, as far as it says."""
        return self._sum is None or base64.b64encode(self._sum.digest()).decode() == self._expected
