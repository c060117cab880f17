"""Whether a host that a URL names is this machine, so that what goes there needs no TLS: nobody listens in between."""

from __future__ import annotations

import ipaddress


def is_here(host: str) -> bool:
    """Whether a host's name or address is one of the loopback interface."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
