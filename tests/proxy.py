"""A TCP proxy on loopback that can be told to cut, change or silence what a server answers."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeAlias

Answer: TypeAlias = Callable[[int, int, bytes], bytes | None]
"""Given the connection's number (from 0), the offset in its answer and a block: what to pass on, None to cut."""


def faithful(connection: int, offset: int, block: bytes) -> bytes | None:
    """Pass everything on."""
    return block


class Proxy:
    """Relays connections to a server; `answer` may be replaced at any time.

    `cut()` ends all connections at once; `deaf = True` accepts connections and says nothing.
    """

    def __init__(self, port: int) -> None:
        self.upstream = ("127.0.0.1", port)
        self.answer: Answer = faithful
        self.deaf = False
        self.connections = 0
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
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
                server = socket.create_connection(self.upstream)
                self._open.add(server)
                threading.Thread(target=self._relay, args=(client, server, None), daemon=True).start()
                threading.Thread(target=self._relay, args=(server, client, number), daemon=True).start()

    def _relay(self, source: socket.socket, sink: socket.socket, number: int | None) -> None:
        offset = 0
        with contextlib.suppress(OSError):
            while block := source.recv(65536):
                passed: bytes | None = block
                if number is not None:
                    passed = self.answer(number, offset, block)
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
