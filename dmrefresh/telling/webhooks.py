"""How a webhook is told something without anything depending on it.

The URL of a webhook lets anybody write there, so it is a secret: nothing here ever repeats it.
"""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dmrefresh.hosts import is_here
from dmrefresh.machine import signals

if TYPE_CHECKING:
    from urllib.request import OpenerDirector

_CONNECT = 5.0
"""Seconds that one step of a conversation may take: to connect, to get an answer."""
_AGAIN = 0.5
"""Seconds before the one other try, unless the server says how long to wait."""


class Posted(threading.Thread):
    """A document on its way to a webhook, in a thread of its own: nobody waits for it longer than they want to.

    One answer that may heal (429, 5xx, no connection) gets one other try; redirects are not followed, and of the
    answer nothing but its status is read.

    Args:
        url: the webhook.
        document: is sent as JSON.
        seconds: how long all of it may take.
        after: is waited for first, so that two documents arrive in their order.
    """

    def __init__(self, url: str, document: Mapping[str, object], seconds: float, after: Posted | None = None) -> None:
        super().__init__(name="dmrefresh-webhook", daemon=True)
        self._url = url
        self._body = json.dumps(document).encode()
        self._seconds = seconds
        self._after = after
        self._ends = time.monotonic() + seconds
        self._trouble: str | None = None
        self.start()

    def trouble(self, at_most: float) -> str | None:
        """Wait until it is told, or until its time is up; returns why it was not, or None if it was.

        Args:
            at_most: seconds to wait, where there is less time than it was given.
        """
        signals.join(self, max(min(self._ends - time.monotonic(), at_most), 0))
        return f"no answer within {min(self._seconds, at_most):.0f} s" if self.is_alive() else self._trouble

    def run(self) -> None:
        """Post it; called by the thread."""
        try:
            if self._after is not None:
                self._after.join(min(1.0, self._seconds / 3))
            self._trouble, wait = self._post()
            if self._trouble is not None and wait is not None and time.monotonic() + wait < self._ends:
                time.sleep(wait)
                self._trouble, _ = self._post()
        except Exception as error:  # whatever it is, it is no reason for anything but a warning
            self._trouble = type(error).__name__

    def _post(self) -> tuple[str | None, float | None]:
        """One try; returns what went wrong, and in how many seconds another try may help, if it may."""
        from urllib.error import HTTPError, URLError
        from urllib.request import Request

        headers = {"Content-Type": "application/json", "User-Agent": "dmrefresh"}
        request = Request(self._url, self._body, headers, method="POST")  # noqa: S310 - its form was checked
        left = max(min(_CONNECT, self._ends - time.monotonic()), 0.1)
        try:
            _opener(self._url).open(request, timeout=left).close()
        except HTTPError as error:
            error.close()
            heals = error.code == 429 or error.code >= 500
            return f"HTTP {error.code}", _patience(error.headers.get("Retry-After")) if heals else None
        except URLError as error:
            return _reason(error.reason)
        except OSError as error:
            return _reason(error)
        return None, None


def _opener(url: str) -> OpenerDirector:
    """What opens the URL: by the proxy that the environment names, but not to this machine; no redirect is followed."""
    from urllib.request import HTTPRedirectHandler, ProxyHandler, build_opener

    class NoRedirect(HTTPRedirectHandler):
        def redirect_request(self, *args: object) -> None:
            return None

    here = is_here(urlsplit(url).hostname or "")
    return build_opener(NoRedirect, *([ProxyHandler({})] if here else []))


def _patience(said: str | None) -> float:
    """Seconds to wait before the other try: as the server says, if it says it in seconds."""
    return float(said) if said is not None and re.fullmatch(r"[0-9]{1,4}", said) else _AGAIN


def _reason(error: object) -> tuple[str, float | None]:
    """A failed conversation in a few words of ours, since an exception's own text may have the URL in it."""
    import ssl

    if isinstance(error, ssl.SSLCertVerificationError):
        return "its certificate is not accepted", None
    if isinstance(error, ssl.SSLError):
        return "TLS failed", None
    if isinstance(error, TimeoutError):
        return "no answer in time", None
    if isinstance(error, socket.gaierror):
        return "its name is not known", _AGAIN
    if isinstance(error, ConnectionRefusedError):
        return "connection refused", _AGAIN
    return ("connection lost" if isinstance(error, ConnectionError) else "connection failed"), _AGAIN
