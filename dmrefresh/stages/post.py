"""post: a file into a bucket by a presigned POST, as a form that is never whole in memory."""

from __future__ import annotations

import html
import re
import secrets
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING
from urllib.request import getproxies, proxy_bypass

from dmrefresh.bucket.presigned import DIGEST, Presigned
from dmrefresh.errors import NOT_STORED, BackupNotStored

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse, PoolManager

_BLOCK = 1 << 16
"""Of the file, sent at once, in bytes: each must leave within the time limit for connecting."""
_CONNECT, _READ = 30.0, 300.0
"""Seconds: until there is a connection, and until there is an answer once all is sent."""
_ANSWER = 1 << 16
"""What is read of an answer, in bytes."""
_STORED = {200, 201, 204}
_ERROR = re.compile(rb"<Error[\s>]")
_CODE = re.compile(rb"<Code>([A-Za-z0-9.]{1,64})</Code>")
_REASON = re.compile(rb"<Message>(Invalid according to Policy: ?[ -;=?-~]{1,200})</Message>")
_MAY_HEAL = {"InternalError", "ServiceUnavailable", "SlowDown", "RequestTimeout", "OperationAborted"}
_NOT_BEGUN = {"ServiceUnavailable", "SlowDown", "RequestTimeout"}
"""What S3 says when it has not taken anything."""
IN_DOUBT = "Nobody knows whether it is stored: it is there whole, or not at all."
_HINTS = {
    "EntityTooLarge": "a presigned POST takes 5 GB at most; `backup-production` with credentials of its own takes more",
    "SignatureDoesNotMatch": "was what `dmrefresh presign` printed handed over whole?",
    "ExpiredToken": "the credentials that signed it have expired: sign it with ones that last longer",
    "NoSuchBucket": "is the bucket's name right where it was signed?",
}


class PostFailed(BackupNotStored):
    """A form was not taken.

    Args:
        what, hint: as of every failure.
        retry: whether sending it again may help.
        in_doubt: whether it may be stored all the same.
    """

    def __init__(self, what: str, *, retry: bool, in_doubt: bool = False, hint: str | None = None) -> None:
        super().__init__(what, hint=hint, state=IN_DOUBT if in_doubt else NOT_STORED)
        self.retry = retry
        self.in_doubt = in_doubt

    def doubt(self) -> None:
        """Say that it may be stored all the same: by an earlier attempt."""
        self.in_doubt, self.state = True, IN_DOUBT


def post(presigned: Presigned, file: IO[bytes], size: int, sha256: str) -> None:
    """Post a file, once.

    Args:
        presigned: where to, and the form around it.
        file: is read from where it stands.
        size: its bytes.
        sha256: their digest, in hexadecimal, which is noted with the object where that is permitted.

    Raises:
        PostFailed: S3 does not take it, or nobody knows whether it has.
    """
    from urllib3.exceptions import HTTPError, SSLError

    form = _Form(presigned, file, sha256)
    try:
        with _pool(presigned) as pool:
            answer = pool.request(
                "POST",
                presigned.url,
                body=form.blocks(),
                headers={"Content-Type": form.kind, "Content-Length": str(form.overhead + size)},
                redirect=False,
                preload_content=False,
            )
            try:
                _judge(presigned.key, answer, answer.read(_ANSWER))
            finally:
                answer.close()
    except SSLError:
        raise PostFailed(
            f"No TLS can be spoken with {presigned.host}.", retry=not form.sent, in_doubt=form.sent, hint=_TLS
        ) from None
    except (HTTPError, OSError):
        if form.sent:
            what = f"The connection to {presigned.host} broke off after all of {presigned.key} was sent."
        else:
            what = f"{presigned.host} does not answer, or broke off before all of {presigned.key} was sent."
        raise PostFailed(what, retry=True, in_doubt=form.sent, hint="is the network up? Run it again") from None


_TLS = "are the certificates of this machine's authorities installed (ca-certificates)?"


class _Form:
    """multipart/form-data with the file as its last field, as S3 wants it (RFC 7578)."""

    def __init__(self, presigned: Presigned, file: IO[bytes], sha256: str) -> None:
        boundary = f"dmrefresh-{secrets.token_hex(16)}"
        fields = dict(presigned.fields)
        if presigned.takes_digest:
            fields[DIGEST] = sha256
        opening = f"--{boundary}\r\nContent-Disposition: form-data; name="
        parts = [f'{opening}"{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()]
        parts.append(f'{opening}"file"; filename="{presigned.key}"\r\nContent-Type: application/octet-stream\r\n\r\n')
        self.kind = f"multipart/form-data; boundary={boundary}"
        self.sent = False
        self._head, self._tail = "".join(parts).encode(), f"\r\n--{boundary}--\r\n".encode()
        self._file = file

    @property
    def overhead(self) -> int:
        """Bytes of it beside the file."""
        return len(self._head) + len(self._tail)

    def blocks(self) -> Iterator[bytes]:
        """Yield it; `sent` is true once the last byte was handed to the connection."""
        yield self._head
        while block := self._file.read(_BLOCK):
            yield block
        yield self._tail
        self.sent = True


def _pool(presigned: Presigned) -> PoolManager:
    """Connections, through the proxy that the environment names, if it does."""
    from urllib3 import PoolManager, ProxyManager, Timeout

    limits = Timeout(connect=_CONNECT, read=_READ)
    proxy = getproxies().get(presigned.url.partition(":")[0])
    if proxy is None or proxy_bypass(presigned.host):
        return PoolManager(timeout=limits, retries=False)
    return ProxyManager(proxy, timeout=limits, retries=False)


def _judge(key: str, answer: BaseHTTPResponse, body: bytes) -> None:
    """Nothing of the form is said: S3 sends pieces of it back, beside the code and the reason.

    Raises:
        PostFailed: it is no success.
    """
    if answer.status in _STORED and not _ERROR.search(body):
        return
    found = _CODE.search(body)
    code = found[1].decode() if found else f"status {answer.status}"
    reason = html.unescape(said[1].decode()) if (said := _REASON.search(body)) else ""
    hint = _HINTS.get(code)
    if "expired" in reason.lower():
        hint = "sign it for longer: dmrefresh presign --expires"
    may_heal = answer.status < 300 or answer.status >= 500 or code in _MAY_HEAL
    raise PostFailed(
        f"S3 refuses {key}: {code}{f' ({reason})' if reason else ''}.",
        retry=may_heal,
        in_doubt=may_heal and code not in _NOT_BEGUN,
        hint=hint or ("run it again in a while" if may_heal else "was it signed for this object, by who may put it?"),
    )
