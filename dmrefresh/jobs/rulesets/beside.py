"""Fellows of a sanitiser in processes beside this one: blocks of rows go there, and what becomes of them comes back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from dmrefresh.machine import aside
from dmrefresh.machine.cores import cores

if TYPE_CHECKING:
    from dmrefresh.dump.shared_out import MakesFellow
    from sanitisers import SanitiserError
    from sanitisers.engine.values import Bytes
    from sanitisers.fellows import Done, Making
    from sanitisers.leaks.seen import Seen

_WORK = "sanitisers.fellows"
_CALLED = "A process that sanitises rows"
MOST = 3
"""Fellows; with more of them reading the dump, and giving its rows away, are what is waited for."""


class FellowAside:
    """A `Fellow` whose work is done by somebody aside.

    Args:
        somebody: does it.
        making: what it is made of.
    """

    def __init__(self, somebody: aside.Aside, making: Making) -> None:
        from sanitisers.fellows import Fellow

        self._aside = somebody
        somebody.make(Fellow, making)

    def apply(self, table: str, columns: tuple[str, ...], rows: Bytes, first_row: int) -> Done | SanitiserError:
        """See `Fellow.apply`. Raises as `Aside.call`."""
        done: Done | SanitiserError = self._aside.call("apply", table, columns, rows, first_row)
        return done

    def look(self, table: str, columns: tuple[str, ...], rows: Bytes, first_row: int) -> Seen | SanitiserError:
        """See `Fellow.look`. Raises as `Aside.call`."""
        seen: Seen | SanitiserError = self._aside.call("look", table, columns, rows, first_row)
        return seen

    def rest(self) -> Seen:
        """See `Fellow.rest`. Raises as `Aside.ask`."""
        seen: Seen = self._aside.ask("rest")
        return seen


def stand_by() -> None:
    """Have those who may work beside this process, to be called as a command begins, before there are threads or
    secrets."""
    aside.begin(_CALLED, MOST)


@contextmanager
def fellows(wanted: int | None) -> Iterator[Sequence[MakesFellow]]:
    """What makes fellows during the block, for one dump after the other; those who stand by and are not wanted go.

    Args:
        wanted: how many; as many as there are cores for them if None.
    """
    with aside.at_hand(_WORK, round(cores()) - 1 if wanted is None else wanted) as there:
        yield [partial(FellowAside, somebody) for somebody in there]
