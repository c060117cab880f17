"""Work that goes on beside this process, in copies of it: calls go there through memory, and answers come back so.

Copies are made as a command begins, see `begin`, and wait until somebody has work for them. Where there is none, the
work is done in this process: that is for whoever has the work to see to.
"""

from __future__ import annotations

import contextlib
import pickle
import select
import socket
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from threading import Lock
from typing import Any

from dmrefresh.durations import lasted
from dmrefresh.errors import FaultElsewhere, ProgramFailed
from dmrefresh.machine import signals
from dmrefresh.machine.aside_worker import FAULT, FREE, FULL, LENGTH, MAKE, Worker
from dmrefresh.machine.cores import cores
from dmrefresh.machine.forked import Forked, alone
from dmrefresh.machine.process import PATIENCE, killed
from dmrefresh.machine.ring import Ring, thing_of, write

_NAME = "dmrefresh-aside"
_LEAST = 1.5
"""Cores that have time for somebody beside this process."""
_FAREWELL = 2.0
"""Seconds for which somebody who still sends is waited for."""


class Aside:
    """Somebody who works aside. `make` begins some work, calls go on with it, and `ask` ends it.

    Args:
        ring: what the calls go through.
        called: what it is in a sentence.
        back: what the answers go through.

    Attributes:
        busy: whether it is in the midst of some work.
    """

    def __init__(
        self, ring: Ring | None = None, *, called: str = "The process beside this one", back: Ring | None = None
    ) -> None:
        self._ring, self._back = ring or Ring(), back or Ring()
        self._answer = bytearray()
        self._called = called
        self._lock = Lock()
        self._free = self._ring.count
        self._told = 0
        self._broken: Exception | None = None
        self.busy = False
        self._copy = Forked(lambda link: Worker(link, self._ring, self._back).work(), _NAME)
        self.pid = self._copy.pid

    @property
    def there(self) -> bool:
        """Whether it can be given work."""
        return self._copy.ended() is None

    def make(self, maker: Callable[..., object], *arguments: object) -> None:
        """Begin some work.

        Args:
            maker: makes what the calls are for, there; it can be imported by its name.
            arguments: what it is given.

        Raises:
            ProgramFailed: nobody is there any more, or stands still, or is in the midst of other work.
        """
        with self._turn(idle=True):
            self.busy, self._told = True, 0
            self._send(MAKE, (maker, *arguments))

    def call(self, name: str, *arguments: object) -> Any:
        """Call a method, and return what it returns.

        Args:
            name: of the method.
            arguments: what it is given.

        Returns: the answer; its arrays lie in one piece of memory, which nobody else has.

        Raises:
            ProgramFailed: as `make`.
            FaultElsewhere: this call, or one before, has failed there.
        """
        with self._turn():
            return self._asked(name, arguments)

    def ask(self, name: str, *arguments: object) -> Any:
        """Call a method, and return what it returns; the work is over then. Raises as `call`."""
        with self._turn():
            result = self._asked(name, arguments)
            self.busy = False
            return result

    @contextlib.contextmanager
    def _turn(self, *, idle: bool = False) -> Iterator[None]:
        """Somebody's turn to speak. Who breaks off is the last: the rest would be taken for what comes next.

        Whoever comes after is told why, since of several that fail it may be the one that is heard.
        """
        with self._lock:
            if self._broken is not None:
                raise self._broken
            if idle and self.busy:
                raise ProgramFailed(f"{self._called} has other work.")
            self._broken = ProgramFailed(f"{self._called} is no longer spoken to.")
            try:
                yield
            except Exception as error:
                self._broken = error
                raise
            self._broken = None

    def _asked(self, name: str, arguments: tuple[object, ...]) -> Any:
        self._send(name, arguments)
        while (answer := self._hear()) is None:
            pass
        told, result = answer
        if told != self._told:
            raise ProgramFailed(f"{self._called} has heard {told} of {self._told} calls.")
        return result

    def end(self) -> None:
        """End it, whatever it is doing."""
        self._copy.kill()
        with contextlib.suppress(OSError):
            self._copy.link.shutdown(socket.SHUT_RDWR)  # who still waits for it need not any more
        if self._lock.acquire(timeout=_FAREWELL):
            self._broken = self._broken or ProgramFailed(f"{self._called} is no longer spoken to.")
            self._copy.link.close()
            self._lock.release()

    def _send(self, name: str, arguments: tuple[object, ...]) -> None:
        self._told += 1
        write((name, arguments), self._slot, self._pass)

    def _slot(self) -> memoryview:
        while not self._free:
            self._hear()
        self._free -= 1
        return self._ring.next()

    def _pass(self, used: int, last: bool) -> None:
        with contextlib.suppress(OSError):
            self._copy.link.sendall(FULL.pack(used, last))
            return
        while True:  # nobody listens any more: what was said before that is raised, or that it is gone
            self._hear()

    def _hear(self) -> tuple[int, Any] | None:
        """One thing that it says: that a slot is free, or a part of an answer, which is returned when it is whole."""
        kind = self._received(1)
        if kind == FREE:
            self._free += 1
            return None
        if kind == FAULT:
            name, frames = pickle.loads(self._received(LENGTH.unpack(self._received(LENGTH.size))[0]))  # noqa: S301 - our own process
            raise type(name, (FaultElsewhere,), {})(frames)
        used, last = FULL.unpack(self._received(FULL.size))
        self._answer += self._back.next()[:used]
        with contextlib.suppress(OSError):  # if it is gone, that is heard next
            self._copy.link.sendall(FREE)
        if not last:
            return None
        answer, self._answer = self._answer, bytearray()
        said: tuple[int, Any] = thing_of(answer)
        return said

    def _received(self, size: int) -> bytes:
        """So many bytes. It is waited for as long as it is there, and does not stand still."""
        received = bytearray()
        ready = select.poll()
        ready.register(self._copy.link, select.POLLIN)
        still = 0
        while len(received) < size:
            if not ready.poll(1000):
                # Counted in looks: time that we ourselves were stopped for, or asleep, is not its own.
                still += 1
                if still >= PATIENCE:
                    raise ProgramFailed(
                        f"{self._called} stands still: it has said nothing for {lasted(PATIENCE)}.",
                        hint="look at it with ps: was it stopped?",
                    )
                continue
            still = 0
            try:
                some = self._copy.link.recv(size - len(received))
            except OSError:
                some = b""
            if not some:
                raise killed(self._called, self._copy.kill()) or ProgramFailed(f"{self._called} is gone.")
            received += some
        return bytes(received)


_waiting: list[Aside] = []


def begin(called: str, most: int = 1) -> None:
    """Have some who may work aside, where that is possible; to be called as a command begins.

    Args:
        called: what each is in a sentence.
        most: how many.
    """
    if sys.platform != "linux" or cores() < _LEAST:
        return
    import numpy  # noqa: F401 - it takes long, and the copies want it, too

    # Where there is no room for another process, or none that could be looked after, the work is done in this one.
    with contextlib.suppress(OSError):
        for _ in range(most if alone() else 0):
            with signals.held():  # one that came in between would leave it for whoever reaps the lost
                _waiting.append(Aside(called=called))


def keep(most: int) -> None:
    """There will be no work for more than so many."""
    for one in [one for one in _waiting if one.there][most:]:
        _ended(one)


def end() -> None:
    """Nobody has work any more."""
    while _waiting:
        _waiting.pop().end()


@contextlib.contextmanager
def at_hand(module: str, most: int = 1) -> Iterator[list[Aside]]:
    """Whoever may work aside during the block, if anybody; who is not done when the block is over is ended.

    Args:
        module: what the work is made of, which they may load meanwhile.
        most: how many there may be; the others go.
    """
    keep(most)
    there = [one for one in _waiting if one.there]
    try:
        for one in there:
            one.make(import_module, module)
            one.busy = False
        yield there
    finally:
        for one in there:
            if one.busy:
                _ended(one)


def _ended(one: Aside) -> None:
    with contextlib.suppress(ValueError):  # whoever ends all of them may have been here
        _waiting.remove(one)
    one.end()
