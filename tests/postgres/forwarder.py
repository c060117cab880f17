"""A tunnel for tests: relays 127.0.0.1:PORT to HOST:HOSTPORT, in a child of its own process.

Both ignore nothing and clean nothing up: whoever starts a tunnel ends it.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading


def relay(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while block := source.recv(65536):
            sink.sendall(block)
    for end in (source, sink):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def main(port: int, host: str, hostport: int) -> None:
    # Some commands do their work in a child, which must not outlive them.
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        sys.exit(os.waitstatus_to_exitcode(status) & 0xFF)
    listener = socket.create_server(("127.0.0.1", port))
    while True:
        client, _ = listener.accept()
        try:
            server = socket.create_connection((host, hostport))
        except OSError:
            client.close()
            continue
        threading.Thread(target=relay, args=(client, server), daemon=True).start()
        threading.Thread(target=relay, args=(server, client), daemon=True).start()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2].strip("[]"), int(sys.argv[3]))
