"""What the names of servers tell: which machine it is, and what of a connection URL may be printed."""

from __future__ import annotations

import ipaddress

import psycopg
from psycopg.conninfo import conninfo_to_dict

from dmrefresh.postgres.reach.conninfo import is_misread


def shown(url: str) -> str:
    """A connection URL as it may be printed: host, port and database, nothing that lets one in."""
    try:
        parts = {} if is_misread(url) else conninfo_to_dict(url)
    except psycopg.Error:
        parts = {}
    if not parts:
        return "(unreadable url)"
    where = f"{parts.get('host') or 'the local socket'}"
    port = f":{parts['port']}" if parts.get("port") else ""
    return f"{parts.get('dbname') or '(default database)'} on {where}{port}"


def is_local(host: str) -> bool:
    """Whether a host, as libpq has it, is this machine: a socket's folder, localhost, a loopback address."""
    if not host or host.startswith(("/", "@")) or host == "localhost":
        return True
    found = address(host)
    return found is not None and found.is_loopback


def address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """An address, which may be in brackets; an IPv4 address written as one of IPv6 is that. None where it is none."""
    try:
        found = ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found
