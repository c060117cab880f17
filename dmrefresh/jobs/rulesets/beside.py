"""Fellows of a sanitiser in processes beside this one: blocks of rows go there, and what becomes of them comes back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from dmrefresh.dump.shared_out import Fellows
from dmrefresh.machine import aside
from dmrefresh.machine.cores import cores

if TYPE_CHECKING:
    from sanitisers import SanitiserError
    from sanitisers.engine.values import Bytes
    from sanitisers.fellows import Done, Making
    from sanitisers.leaks.seen import Seen

_WORK = "sanitisers.fellows"
_CALLED = "A process that sanitises rows"
MOST = 3
"""Fellows; with more of them reading the dump, and giving its rows away, are what is waited for."""
_UNSAID = 2
"""Processes at most where nobody has said how many."""
_CORES = 1.5
"""Cores that have time for two processes."""
_LARGE = 16 << 20
"""Bytes of rows after which one more process pays; to get ready takes it half a second."""


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


def keep(processes: int | None) -> None:
    """Let go of those who are not wanted, as soon as it is known what the settings say: each takes some memory.

    Args:
        processes: how many sanitise, this one among them; unsaid, two at most.
    """
    aside.keep((processes or _UNSAID) - 1)


@contextmanager
def fellows(processes: int | None, *, remote: bool = True) -> Iterator[Fellows]:
    """Those who sanitise during the block, one dump after the other; of those who stand by who is not wanted goes.

    Args:
        processes: how many sanitise, this one among them; unsaid, two where nobody else has work for the second core,
            and a dump is large enough for it to pay.
        remote: no server on this machine works at the same time.
    """
    wanted = int(cores() >= (_CORES if remote else _CORES + 1)) if processes is None else processes - 1
    with aside.at_hand(_WORK, wanted) as there:
        yield Fellows([partial(FellowAside, somebody) for somebody in there], _LARGE if processes is None else 0)
