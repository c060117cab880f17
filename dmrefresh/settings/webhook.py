"""What may be the URL of a webhook: a secret, which nothing here ever repeats."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import PlainValidator
from pydantic_core import PydanticCustomError

from dmrefresh.hosts import is_here

_FORM = re.compile(r"https?://[\x21-\x7e]+", re.IGNORECASE)


def _webhook(value: object) -> str:
    """A URL that can be posted to without being read on the way."""
    text = value.strip() if isinstance(value, str) else ""
    try:
        parts = urlsplit(text) if _FORM.fullmatch(text) else None
        host = parts.hostname if parts is not None and (parts.port is None or parts.port) else None
    except ValueError:
        parts = host = None
    if parts is None or not host:
        raise PydanticCustomError("webhook", "a webhook is a URL that begins with https://")
    if parts.username is not None or parts.password is not None:
        raise PydanticCustomError("webhook", "a webhook's URL has no user name and no password before its host")
    if parts.scheme != "https" and not is_here(host):
        raise PydanticCustomError("webhook", "a webhook is reached by https://, unless it is on this machine")
    return text


Webhook = Annotated[str, PlainValidator(_webhook)]
"""The URL of a webhook."""
