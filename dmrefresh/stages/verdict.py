"""Whether decrypted text may be believed, asked when something further down has stumbled over it.

gpg hands out the text of a damaged message too, and only then says that it is damaged. The stages below may
find fault with that text first: an odd statement, a ragged row, a number that is none. What they say is true
of the text and misleading about its cause, so the message is read on to gpg's verdict before they are heard.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from contextlib import suppress
from types import TracebackType
from typing import Self

from dmrefresh.errors import Failure

_FAREWELL = 2.0
"""Seconds that a thread still at work in a generator is waited for when nobody wants its result."""


class Verdict:
    """A stage that passes decrypted blocks on, and can read them to their end though nobody wants them any more.

    As a context manager it closes what it reads from.

    Args:
        blocks: what `decrypt` yields; it raises at its end if the message is not whole.
    """

    def __init__(self, blocks: Generator[bytes]) -> None:
        self._blocks = blocks
        self._begun = False
        self._failure: Failure | None = None

    def __iter__(self) -> Iterator[bytes]:
        """Yield the blocks. Closing this leaves them where they are."""
        self._begun = True
        try:
            for block in self._blocks:  # noqa: UP028 - `yield from` would close the blocks together with this
                yield block
        except Failure as failure:
            self._failure = failure
            raise

    def judge(self, *below: Generator[object]) -> Failure | None:
        """Read the message to its end, once a stage below has failed.

        Args:
            below: the generators that pull from this one, topmost last; they are closed, however long the
                threads they run in take to notice.

        Returns:
            what is wrong with the message, or None where nothing is, or where none of it was read.
        """
        for generator in below:
            _close(generator, patience=None)
        if self._begun and self._failure is None:
            with suppress(Failure):
                for _ in self:
                    pass
        return self._failure

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _close(self._blocks, patience=_FAREWELL)


def _close(generator: Generator[object], patience: float | None) -> None:
    """Close a generator, waiting so many seconds for a thread that is still at work in it."""
    deadline = None if patience is None else time.monotonic() + patience
    while True:
        try:
            generator.close()
        except ValueError:  # "generator already executing"
            if deadline is not None and time.monotonic() > deadline:
                return
            time.sleep(0.02)
        else:
            return
