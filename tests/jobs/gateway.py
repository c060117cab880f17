"""Stands before the S3 store of the tests and answers in its place what it does not know, as AWS documents it.

SeaweedFS keeps no replication and no public access block, and says no region. All else is passed on as it is, over TLS.
"""

from __future__ import annotations

import http.client
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

_HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "keep-alive", "server", "date"}


class Gateway:
    """Listens on a port of 127.0.0.1, without TLS.

    `answers` are given to GET requests by the first word of their query, as a status and a body; `region` is what
    every answer says, unless it is None.

    Args:
        port: of `localhost`, where the store listens with TLS.
        certificate: of the store.
    """

    def __init__(self, port: int, certificate: Path) -> None:
        self.answers: dict[str, tuple[int, str]] = {}
        self.region: str | None = "eu-west-1"
        gateway, context = self, ssl.create_default_context(cafile=str(certificate))

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _pass_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                query = parse_qsl(urlsplit(self.path).query, keep_blank_values=True)
                own = gateway.answers.get(query[0][0]) if query and self.command == "GET" else None
                if own is not None:
                    self._say(own[0], [("Content-Type", "application/xml")], own[1].encode())
                    return
                upstream = http.client.HTTPSConnection("localhost", port, context=context, timeout=20)
                try:
                    upstream.request(self.command, self.path, body, dict(self.headers.items()))
                    answer = upstream.getresponse()
                    length = answer.getheader("Content-Length")
                    self._say(answer.status, answer.getheaders(), answer.read(), length)
                finally:
                    upstream.close()

            do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = _pass_on  # noqa: N815

            def _say(self, status: int, headers: list[tuple[str, str]], body: bytes, length: str | None = None) -> None:
                self.send_response(status)
                for name, value in headers:
                    if name.lower() not in _HOP_BY_HOP:
                        self.send_header(name, value)
                if gateway.region is not None:
                    self.send_header("x-amz-bucket-region", gateway.region)
                self.send_header("Content-Length", str(len(body)) if self.command != "HEAD" else length or "0")
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def replicated_to(*buckets: str, status: str = "Enabled") -> str:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketReplication.html"""
    rules = "".join(
        f"<Rule><ID>{bucket}</ID><Status>{status}</Status><Priority>1</Priority><Filter><Prefix></Prefix></Filter>"
        f"<Destination><Bucket>arn:aws:s3:::{bucket}</Bucket></Destination></Rule>"
        for bucket in buckets
    )
    return f"<ReplicationConfiguration><Role>arn:aws:iam::0:role/r</Role>{rules}</ReplicationConfiguration>"


def blocking(*blocks: str) -> str:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetPublicAccessBlock.html"""
    known = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    said = "".join(f"<{one}>{'true' if one in (blocks or known) else 'false'}</{one}>" for one in known)
    return f"<PublicAccessBlockConfiguration>{said}</PublicAccessBlockConfiguration>"


def error(code: str) -> str:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"""
    return f"<Error><Code>{code}</Code><Message>m</Message></Error>"
