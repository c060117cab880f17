"""receiving: a download that is gone on with to its end where what comes of it turns out to be damaged.

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

    def end(self) -> None:
        """Let go of the download, unless another thread still waits for its next block."""
        close = getattr(self._blocks, "close", None)
        if close is not None:
            with suppress(ValueError):
                close()


@contextmanager
def receiving(
    blocks: Iterable[bytes], known: str | None, digest: Callable[[Iterable[bytes]], str]
) -> Iterator[Received]:
    """A download for the length of the block; where it finds damage, the rest is received too, and its SHA-256 noted.

    Args:
        blocks: as `fetch` yields them.
        known: the SHA-256 of what was stored, or read back, where it is known; what has come with this one and is
            damaged was so before, and is not asked for again.
        digest: the SHA-256, in hexadecimal, of what the block has taken and of the rest, which it is given.

    Raises:
        DumpDamaged: the same one, with the SHA-256 of what was received.
    """
    received = Received(blocks)
    try:
        yield received
    except DumpDamaged as damaged:
        if damaged.retry:
            damaged.received = _of_the_whole(received, digest)
            if known is not None and damaged.received == known.lower():
                damaged.retry = False
                damaged.what += " It has come as it was stored, so the object itself is damaged."
        raise
    finally:
        received.end()


def _of_the_whole(received: Received, digest: Callable[[Iterable[bytes]], str]) -> str | None:
    try:
        return digest(received.rest())
    except (Failure, ValueError):  # it breaks off, or another thread still waits for the next block
        return None
