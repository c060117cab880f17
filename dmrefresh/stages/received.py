"""received: a download that can be gone on with after what it was for has failed.

Whether the object is damaged or only the way from it shows when it comes again: by the SHA-256 of all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress

from dmrefresh.errors import DumpDamaged, Failure


class Received(Iterator[bytes]):
    """The blocks of a download; none of those who take them can end it.

    Args:
        blocks: as `fetch` yields them.
    """

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self._blocks = iter(blocks)

    def __next__(self) -> bytes:
        """The next block; raises as `fetch`."""
        return next(self._blocks)

    def rest(self) -> Iterator[bytes]:
        """Yield what nobody has taken; where the download finds damage, which it does at its end, that is all."""
        with suppress(DumpDamaged):
            yield from self


@contextmanager
def told_apart(known: str | None, digest: Callable[[], str]) -> Iterator[None]:
    """Where the block finds damage, have the rest received, and note the SHA-256 of the whole with the failure.

    Args:
        known: the SHA-256 of what was stored, or read back, where it is known; what has come with this one and is
            damaged was so before, and is not asked for again.
        digest: has the rest received; returns the SHA-256 in hexadecimal.

    Raises:
        DumpDamaged: the same one.
    """
    try:
        yield
    except DumpDamaged as damaged:
        if damaged.retry:
            damaged.received = _of_the_whole(digest)
            if damaged.received is not None and known and damaged.received == known.lower():
                damaged.retry = False
                damaged.what += " It has come as it was stored, so the object itself is damaged."
        raise


def _of_the_whole(digest: Callable[[], str]) -> str | None:
    try:
        return digest()
    except (Failure, ValueError):  # it breaks off, or another thread still waits for the next block
        return None
