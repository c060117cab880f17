"""The end of the line where work is done aside: what is heard and said there, see `aside`."""

from __future__ import annotations

import pickle
import socket
import struct
import traceback

from dmrefresh.machine.ring import Ring, thing_of, write

LENGTH = struct.Struct("<Q")
FULL = struct.Struct("<Q?")
"""What is said of a slot: how many bytes of it are used, and whether the message ends in it."""
MAKE = ""
"""In place of a method's name."""
FREE, ANSWER, FAULT = b"f", b"a", b"e"


class Worker:
    """Does the work, in the copy."""

    def __init__(self, link: socket.socket, ring: Ring, back: Ring) -> None:
        self._link, self._ring, self._back = link, ring, back
        self._made: object = None
        self._heard = self._full = 0

    def work(self) -> None:
        """Do what is called for, until nobody is there who calls."""
        try:
            while (message := self._message()) is not None:
                name, arguments = thing_of(message)
                if name == MAKE:
                    self._made, self._heard = arguments[0](*arguments[1:]), 1
                    continue
                self._heard += 1
                self._say((self._heard, getattr(self._made, name)(*arguments)))
        except BaseException as error:  # its text may quote what it stumbled over
            self._fail(error)

    def _message(self) -> bytearray | None:
        message, last = bytearray(), False
        while not last:
            said = self._link.recv(FULL.size, socket.MSG_WAITALL)
            if len(said) < FULL.size:
                return None
            used, last = FULL.unpack(said)
            message += self._ring.next()[:used]
            self._link.sendall(FREE)
        return message

    def _say(self, thing: object) -> None:
        """Answer; whoever asked has taken all of it when this is over."""
        write(thing, self._slot, self._pass)
        while self._full:
            self._wait()

    def _slot(self) -> memoryview:
        while self._full == self._back.count:
            self._wait()
        return self._back.next()

    def _pass(self, used: int, last: bool) -> None:
        self._link.sendall(ANSWER + FULL.pack(used, last))
        self._full += 1

    def _wait(self) -> None:
        """Wait until a slot has been emptied."""
        if not self._link.recv(1):
            raise EOFError
        self._full -= 1

    def _fail(self, error: BaseException) -> None:
        frames = [f"{one.filename}:{one.lineno} {one.name}" for one in traceback.extract_tb(error.__traceback__)]
        said = pickle.dumps((type(error).__name__, frames))
        self._link.sendall(FAULT + LENGTH.pack(len(said)) + said)
