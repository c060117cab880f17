"""A webhook on this machine that behaves as a test wants it to, and keeps what it was sent."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

HANGS, LOST, DRIBBLES, HUGE, GARBAGE = "hangs", "lost", "dribbles", "huge", "garbage"
"""How it may behave beside answering with a status."""


@dataclass
class Webhook:
    """What was sent to it, and how it answers: one answer a request, the last of them again and again.

    Attributes:
        url: with a secret in it, as Slack's have.
        answers: statuses, or one of the ways above.
        headers: of its answers.
        received: the documents, in their order.
    """

    url: str
    answers: list[int | str]
    headers: dict[str, str] = field(default_factory=dict)
    received: list[Any] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def next(self) -> int | str:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def told(self) -> list[tuple[str, int | None]]:
        """Status and exit code of what was told, as a webhook of ours gets it."""
        return [(one["status"], one["exit_code"]) for one in self.received]


SECRET = "T0hunter2webhook"


@contextmanager
def webhook(*answers: int | str, certificate: Path | None = None) -> Iterator[Webhook]:
    """A running one; with a certificate (and `server.key` beside it) by https."""
    this = Webhook("", list(answers) or [200])

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            this.paths.append(self.path)
            this.received.append(json.loads(body))
            answer = this.next()
            if isinstance(answer, int):
                self.send_response(answer)
                for name, value in {"Content-Length": "2", **this.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(b"ok")
            else:
                behave(answer, self, this.over)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    scheme = "http"
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, certificate.with_name("server.key"))
        server.socket = context.wrap_socket(server.socket, server_side=True)
        scheme = "https"
    this.url = f"{scheme}://localhost:{server.server_port}/services/{SECRET}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield this
    finally:
        this.over.set()
        server.shutdown()
        thread.join()
        server.server_close()


def behave(answer: str, handler: BaseHTTPRequestHandler, over: threading.Event) -> None:
    handler.close_connection = True
    with suppress(OSError):
        if answer == HANGS:
            over.wait(60)
        elif answer == LOST:
            handler.connection.shutdown(socket.SHUT_RDWR)
        elif answer == GARBAGE:
            handler.wfile.write(b"220 smtp.example.org ESMTP\r\n\r\n")
        elif answer == DRIBBLES:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            while not over.wait(0.2):
                handler.wfile.write(b"x")
        elif answer == HUGE:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n")
            while not over.is_set():
                handler.wfile.write(bytes(1 << 20))


def nobody() -> str:
    """A URL at which nobody listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{one.getsockname()[1]}/services/{SECRET}"
