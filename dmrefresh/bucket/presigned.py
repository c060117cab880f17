"""A presigned POST: leave to put one object into a bucket for a while, for somebody who has no credentials.

Whoever holds one may use it. So nothing of it is ever shown: not in a message, a log, an argument or the environment of
a child.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from dmrefresh.errors import UsageFailure
from dmrefresh.hosts import is_here

LIMIT = 5 << 30
"""The most that S3 takes in one request, in bytes; to a larger one it answers EntityTooLarge, with this number.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/upload-objects.html says "5 GB"."""
SHRINKS = 4
"""Bytes of a database on its server's disk that become one of ciphertext; of the made-up production it is 8 to 11."""
EXPIRES = timedelta(minutes=10)
"""How long one is valid unless told otherwise."""
DIGEST = "x-amz-meta-sha256"
"""The field that notes an object's SHA-256 (hexadecimal) with it."""

_SIGN = "sign it again: `dmrefresh presign NAME`"
_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Presigned:
    """What came of signing.

    Attributes:
        url: where the form is posted to.
        fields: the form, without its file.
        key: the object's name.
        expires: until when it is taken.
        largest: the most bytes that it takes.
        takes_digest: whether the object's SHA-256 may be noted with it.
    """

    url: str = field(repr=False)
    fields: Mapping[str, str] = field(repr=False)
    key: str
    expires: datetime
    largest: int
    takes_digest: bool

    @property
    def left(self) -> timedelta:
        """How long it is still valid; less than nothing once it has expired."""
        return self.expires - datetime.now(UTC)

    @property
    def host(self) -> str:
        """The server's name."""
        return urlsplit(self.url).hostname or ""


def read_presigned(text: str, key: str, variable: str) -> Presigned:
    """Read `{"url": …, "fields": {…}}` and the policy in it.

    Args:
        text: the JSON.
        key: the name that the object must get.
        variable: where it was read, for messages.

    Raises:
        UsageFailure: it is none, is for another object, contradicts itself, or would be sent without TLS.
    """
    try:
        said = json.loads(text)
        url, fields = said["url"], said["fields"]
        if not isinstance(url, str) or not all(isinstance(one, str) for pair in fields.items() for one in pair):
            raise TypeError
        policy = json.loads(base64.b64decode(fields["policy"], validate=True))
        expires = datetime.fromisoformat(policy["expiration"])
        conditions = list(_conditions(policy["conditions"]))
        ranges = [int(high) for kind, _, high in conditions if kind == "content-length-range"]
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError):
        raise UsageFailure(
            f"{variable} is no presigned POST.",
            hint='it is JSON, {"url": …, "fields": {…}}, as `dmrefresh presign` prints',
        ) from None
    if expires.tzinfo is None or any(not _NAME.fullmatch(name) or _UNPRINTABLE.search(fields[name]) for name in fields):
        raise UsageFailure(
            f"{variable} is no presigned POST: its expiry has no time zone, or a field is none.", hint=_SIGN
        )
    _check_url(url, variable)
    if fields.get("key") != key or not _permits(conditions, "key", key):
        raise UsageFailure(f"{variable} was signed for another name than the one that this backup has.", hint=_SIGN)
    if "acl" in fields and not _permits(conditions, "acl", fields["acl"]):
        raise UsageFailure(f"The form in {variable} has another ACL than its own policy permits.", hint=_SIGN)
    takes_digest = any(kind == "starts-with" and (name, value) == (DIGEST, "") for kind, name, value in conditions)
    return Presigned(url, dict(fields), key, expires, min([LIMIT, *ranges]), takes_digest)


def _conditions(said: list[Any]) -> Iterator[tuple[str, str, str]]:
    """Kind, field and value of each condition; of a range of lengths the largest is the value.

    https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
    """
    for one in said:
        if isinstance(one, dict):
            yield from (("eq", str(name).lower(), str(value)) for name, value in one.items())
        else:
            kind, name, value = one
            yield str(kind).lower(), str(name).lower().removeprefix("$"), str(value)


def _permits(conditions: list[tuple[str, str, str]], name: str, value: str) -> bool:
    for kind, about, said in conditions:
        if about == name and not (value.startswith(said) if kind == "starts-with" else value == said):
            return False
    return True


def _check_url(url: str, variable: str) -> None:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        usable = bool(host) and parts.username is None and parts.port != 0 and not _UNPRINTABLE.search(url)
    except ValueError:
        parts, host, usable = urlsplit(""), "", False
    if not usable or parts.scheme not in ("https", "http"):
        raise UsageFailure(f"The url in {variable} is none that a form can be posted to.", hint=_SIGN)
    if parts.scheme == "http" and not is_here(host):
        raise UsageFailure(
            f"The url in {variable} is one without TLS: whoever listens could store what they like.",
            hint="sign it for an https address: endpoint_url under [dumps], or none for AWS",
        )
