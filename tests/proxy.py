"""A TCP proxy on loopback that can be told to cut, change or silence what a server answers, or is asked."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeAlias

Answer: TypeAlias = Callable[[int, int, bytes], bytes | None]
"""Given the connection's number (from 0), the offset in what it says and a block: what to pass on, None to cut."""


def faithful(connection: int, offset: int, block: bytes) -> bytes | None:
    """Pass everything on."""
    return block


class Proxy:
    """Relays connections to a server; `answer`, and `question` for the other direction, may be replaced at any time.

    `cut()` ends all connections at once; `deaf = True` accepts connections and says nothing. `upstream` may be changed:
    new connections go there, and those that nobody answers there are ended.
    """

    def __init__(self, port: int) -> None:
        self.upstream = ("127.0.0.1", port)
        self.answer: Answer = faithful
        self.question: Answer = faithful
        self.deaf = False
        self.connections = 0
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Closed alone, it would go on accepting in its thread: connections of the next proxy, whose number it then has.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join(5)
        self._listener.close()
        self.cut()

    def cut(self) -> None:
        """End every connection, without a word."""
        for end in list(self._open):
            _end(end)
        self._open.clear()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                number, self.connections = self.connections, self.connections + 1
                self._open.add(client)
                if self.deaf:
                    continue
                try:
                    server = socket.create_connection(self.upstream)
                except OSError:
                    _end(client)
                    continue
                self._open.add(server)
                asked = threading.Thread(target=self._relay, args=(client, server, number, False), daemon=True)
                answered = threading.Thread(target=self._relay, args=(server, client, number, True), daemon=True)
                asked.start()
                answered.start()

    def _relay(self, source: socket.socket, sink: socket.socket, number: int, is_answer: bool) -> None:
        offset = 0
        with contextlib.suppress(OSError):
            while block := source.recv(65536):
                passed = (self.answer if is_answer else self.question)(number, offset, block)
                offset += len(block)
                if passed is None:
                    break
                sink.sendall(passed)
        _end(sink)
        _end(source)


def _end(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
