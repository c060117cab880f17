"""Writes what a URL holds to standard output, as curl would: `python -I -S downloader.py http://HOST:PORT/PATH`.

Only the standard library, so that it starts at once: what the plain pipeline is measured with must not be slow.
"""

from __future__ import annotations

import http.client
import sys
from urllib.parse import urlsplit

_BLOCK = 1 << 20


def main(url: str) -> int:
    """Fetch it; returns 1 where the answer is not 200 or is cut short."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=60)
    connection.request("GET", f"{parts.path}?{parts.query}")
    answer = connection.getresponse()
    announced = answer.length
    written = 0
    while answer.status == 200 and (block := answer.read(_BLOCK)):
        sys.stdout.buffer.write(block)
        written += len(block)
    sys.stdout.buffer.flush()
    return 0 if answer.status == 200 and written == announced else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
