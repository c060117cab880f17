"""Whether decrypted text may be believed, asked when something further down has stumbled over it.

gpg hands out the text of a damaged message too, and only then says that it is damaged. The stages below may
find fault with that text first: an odd statement, a ragged row, a number that is none. What they say is true
of the text and misleading about its cause, so the message is read on to gpg's verdict before they are heard.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterable, Iterator

from dmrefresh.errors import Failure


class Verdict:
    """A stage that passes decrypted blocks on, and can be read to its end though nobody wants them any more.

    Args:
        blocks: what `decrypt` yields; it raises at its end if the message is not whole.
    """

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self._blocks = iter(blocks)
        self._doubted = threading.Event()
        self._begun = False
        self._failure: Failure | None = None

    def __iter__(self) -> Iterator[bytes]:
        """Yield the blocks."""
        self._begun = True
        try:
            yield from self._noting_failures()
        except GeneratorExit:
            if self._doubted.is_set():
                for _ in self._noting_failures():
                    pass
            raise
        finally:
            close = getattr(self._blocks, "close", None)
            if close is not None:
                close()

    def _noting_failures(self) -> Iterator[bytes]:
        try:
            for block in self._blocks:  # noqa: UP028 - `yield from` would close the blocks together with this
                yield block
        except Failure as failure:
            self._failure = failure
            raise

    def judge(self, *below: Generator[object]) -> Failure | None:
        """Read the message to its end, once a stage below has failed.

        Args:
            below: the generators that pull from this one, lowest first; they are closed.

        Returns:
            what is wrong with the message, or None where nothing is, or where none of it was read.
        """
        if not self._begun:
            return None
        self._doubted.set()
        for generator in below:
            self._close(generator)
        return self._failure

    def _close(self, generator: Generator[object]) -> None:
        """Close a generator, waiting for a thread that is still at work in it."""
        while True:
            try:
                generator.close()
            except ValueError:  # "generator already executing"
                time.sleep(0.05)
            except Failure:  # noted already
                return
            else:
                return
