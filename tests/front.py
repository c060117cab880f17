"""Stands before the S3 store of the tests, notes what it is asked, and fails as it is told.

    with Front(object_store) as front:
        front.script(get().send(500_000).cut(), get(range_from=500_000).ok())
        front.always(head().status(503, "SlowDown"))

All that nobody has told it to do otherwise is passed on to the store, and back, as it is.
"""

from __future__ import annotations

import contextlib
import http.client
import select
import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import urlsplit

from fixtures.parts.seaweedfs import ObjectStore
from tests.answers import LOST, Answer, Request, Rule, Step, anything, get, head, post, put

__all__ = ["Answer", "Front", "Request", "anything", "get", "head", "post", "put"]

_HOP_BY_HOP = {"connection", "transfer-encoding", "keep-alive", "expect"}
_BLOCK = 64 << 10
_LOOK = 0.05
"""Seconds between two looks at whether a client that is kept waiting is still there."""


class Front:
    """Listens on a port of 127.0.0.1 while the block lasts; `url` is the endpoint to set.

    The first answer of the script that is left is for the first request that it fits; what it does not fit, and what
    comes after the script, is for the rules, of which the latest comes first.

    Args:
        store: is asked for everything.
    """

    def __init__(self, store: ObjectStore) -> None:
        self.store = store
        self.requests: list[Request] = []
        self.left: list[Answer] = []
        """What of the script nobody has asked for yet."""
        self.rules: list[Rule] = []
        self.closing = threading.Event()
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("_Bound", (_Handler,), {"front": self}))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self.cut()

    def script(self, *answers: Answer) -> None:
        """These answers, each once, in this order."""
        self.left.extend(answers)

    def always(self, answer: Answer | Rule) -> None:
        """This answer to all that it fits; or what a function says to a request, None for nothing."""
        self.rules.insert(0, answer if not isinstance(answer, Answer) else _rule(answer))

    def forget(self) -> None:
        """No script, no rules, and nothing was asked."""
        with self._lock:
            for noted in (self.left, self.rules, self.requests):
                noted.clear()

    def gets(self) -> list[Request]:
        """The GETs of dumps so far."""
        return [request for request in self.requests if get().fits(request)]

    def cut(self) -> None:
        """End every connection, without a word."""
        for one in list(self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    @contextlib.contextmanager
    def connected(self, client: socket.socket) -> Iterator[None]:
        """While a handler has it."""
        self._open.add(client)
        try:
            yield
        finally:
            self._open.discard(client)

    def answer_to(self, request: Request) -> Answer:
        """What is to become of it; the request is noted."""
        with self._lock:
            self.requests.append(request)
            if self.left and self.left[0].fits(request):
                return self.left.pop(0)
            return next((told for rule in self.rules if (told := rule(request)) is not None), Answer())


def _rule(answer: Answer) -> Rule:
    return lambda request: answer if answer.fits(request) else None


def _passes(name: str) -> bool:
    return name.lower() not in _HOP_BY_HOP


class _Gone(Exception):
    """The connection is at its end."""


class _Handler(BaseHTTPRequestHandler):
    front: Front
    protocol_version = "HTTP/1.1"

    def handle(self) -> None:
        with self.front.connected(self.connection), contextlib.suppress(OSError):
            super().handle()

    def _answer(self) -> None:
        path, headers = self.path, {name: value for name, value in self.headers.items() if _passes(name)}
        request, body = Request.read(self.command, path, headers), self._body()
        answer = self.front.answer_to(request)
        try:
            while answer.steps and answer.steps[0][0] not in ("send", "dribble", "lost"):
                self._step(answer.steps[0])
                answer = replace(answer, steps=answer.steps[1:])
            if answer.error is not None:
                self._say_error(*answer.error, answer)
                return
            if answer.whole_object:
                path, headers = _presigned(self.front.store, request), {}
            with contextlib.closing(self._ask(path, headers, body)) as upstream:
                self._pass_on(upstream.getresponse(), answer, request)
        except (_Gone, OSError, http.client.HTTPException):
            self.close_connection = True

    do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = _answer  # noqa: N815

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(parts)

    def _ask(self, path: str, headers: dict[str, str], body: bytes) -> http.client.HTTPConnection:
        upstream = http.client.HTTPConnection(urlsplit(self.front.store.endpoint_url).netloc, timeout=60)
        # The client has signed the host that it speaks to, which is this one.
        upstream.putrequest(self.command, path, skip_host="Host" in headers, skip_accept_encoding=True)
        for name, value in headers.items():
            if name.lower() != "content-length":
                upstream.putheader(name, value)
        if body or self.command in ("PUT", "POST"):
            upstream.putheader("Content-Length", str(len(body)))
        upstream.endheaders(body)
        return upstream

    def _pass_on(self, found: http.client.HTTPResponse, answer: Answer, request: Request) -> None:
        sent = 0

        def send(size: int) -> None:
            nonlocal sent
            while size > 0 and (block := found.read(min(size, _BLOCK))):
                first = (request.range_from if found.status == 206 else 0) + sent
                self.wfile.write(_flipped(block, first, answer.flips))
                sent, size = sent + len(block), size - len(block)

        if answer.steps[:1] == (LOST,):
            found.read()
            raise _Gone
        self._say(found, answer)
        for kind, value in answer.steps:
            if kind == "send":
                send(value)
            elif kind == "dribble":
                while block := found.read(1):
                    self.wfile.write(block)
                    self._keep_waiting(value)
            else:
                self._step((kind, value))
        send(1 << 62)
        self.wfile.write(answer.more)

    def _step(self, step: Step) -> None:
        kind, value = step
        if kind == "do":
            value()
        elif kind == "stall":
            while True:
                self._keep_waiting(60)
        else:
            if kind == "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            else:
                self.connection.shutdown(socket.SHUT_RDWR)
            raise _Gone

    def _keep_waiting(self, seconds: float) -> None:
        while seconds > 0 and not self.front.closing.wait(min(seconds, _LOOK)):
            seconds -= _LOOK
            readable, _, _ = select.select([self.connection], [], [], 0)
            if readable and not self.connection.recv(1, socket.MSG_PEEK):
                raise _Gone
        if self.front.closing.is_set():
            raise _Gone

    def _say(self, found: http.client.HTTPResponse, answer: Answer) -> None:
        headers = {name.lower(): value for name, value in found.getheaders() if _passes(name)}
        if answer.more and found.length is not None:
            headers["content-length"] = str(found.length + len(answer.more))
        headers |= {name.lower(): value for name, value in answer.headers}
        if answer.no_length:
            headers.pop("content-length", None)
        if "content-length" not in headers and self.command != "HEAD" and found.status not in (204, 304):
            headers["connection"] = "close"
        self._begin(found.status, headers)

    def _say_error(self, number: int, body: bytes, answer: Answer) -> None:
        body = body if self.command != "HEAD" else b""
        headers = {"content-type": "application/xml", "content-length": str(len(body))}
        headers |= {name.lower(): value for name, value in answer.headers}
        if int(headers["content-length"]) > len(body):
            headers["connection"] = "close"
        self._begin(number, headers)
        self.wfile.write(body)

    def _begin(self, number: int, headers: dict[str, str]) -> None:
        self.send_response_only(number)
        for name, value in headers.items():
            self.send_header(name, value)  # which sees to it that the connection ends where it says so
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def _presigned(store: ObjectStore, request: Request) -> str:
    """The path of the whole object for whoever has no range to sign."""
    named = {"Bucket": request.bucket, "Key": request.key}
    if request.version is not None:
        named["VersionId"] = request.version
    url = urlsplit(store.client(store.admin).generate_presigned_url("get_object", Params=named))
    return f"{url.path}?{url.query}"


def _flipped(block: bytes, first: int, positions: tuple[int, ...]) -> bytes:
    inside = [position - first for position in positions if first <= position < first + len(block)]
    if not inside:
        return block
    changed = bytearray(block)
    for at in inside:
        changed[at] ^= 1
    return bytes(changed)
