"""What is looked at for leaks is read aside: a Reading that hands on what it is given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from dmrefresh.machine import aside

if TYPE_CHECKING:
    from sanitisers.engine.grid import Flags
    from sanitisers.engine.values import Positions, Values
    from sanitisers.leaks.looking import Place
    from sanitisers.leaks.reading import Found, Reads, Wanted

_READING = "sanitisers.leaks.reading"
_CALLED = "The process that looks for leaks"
_TIGHT = 0.5
"""Where values are so much of their buffer, all of it is handed on."""


class ReadingAside:
    """A Reading whose work is done by somebody aside.

    Args:
        somebody: does it.
        wanted: what is looked for.
    """

    def __init__(self, somebody: aside.Aside, wanted: Wanted) -> None:
        from sanitisers.leaks.reading import Here

        self._aside = somebody
        somebody.make(Here, wanted)

    def take(self, values: Values, places: Positions, rows: Positions, flags: Flags) -> None:
        """See Reading. Raises as `Aside.tell`."""
        from sanitisers.leaks.gathering import compact

        self._aside.tell("take", compact(values, _TIGHT), places, rows, flags)

    def found(self, places: Sequence[Place], rows: Mapping[str, int]) -> Found:
        """See Reading. Raises as `Aside.ask`."""
        found: Found = self._aside.ask("found", places, rows)
        return found


def stand_by() -> None:
    """Have somebody who may read aside, to be called as a command begins, before there are threads or secrets."""
    aside.begin(_CALLED)


@contextmanager
def reading_aside(*, wanted: bool = True) -> Iterator[Reads | None]:
    """What makes a Reading during the block, one after the other; None where it is to read in this process.

    Args:
        wanted: whether one is wanted; where it is not, whoever stands by goes.
    """
    if not wanted:
        aside.end()
        yield None
        return
    with aside.at_hand(_READING) as somebody:
        yield None if somebody is None else partial(ReadingAside, somebody)
