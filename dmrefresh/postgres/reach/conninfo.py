"""What a connection string comes to, found out without connecting."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import psycopg
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from dmrefresh.errors import UsageFailure

_REFUSED = "dmrefresh-only-looks"
SECRET = {"password", "sslpassword", "scram_client_key", "scram_server_key", "oauth_client_secret"}
"""What lets one in: https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS"""
_NOT_TO_HAND_ON = {"service", "servicefile", "replication", "client_encoding"} | {
    f"{prefix}application_name" for prefix in ("", "fallback_")
}


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a connection string leads.

    Attributes:
        conninfo: it with host, port, database and role written out; it may hold a password.
        host: the name or address of the server, several with commas between; empty for the local socket.
        hostaddr: the address that is used instead of the name's, where one is given.
        port: the port, several with commas between.
        database: the database.
    """

    conninfo: str = field(repr=False)
    host: str
    hostaddr: str
    port: str
    database: str


_DEFAULTS = {(b"sslcertmode", b"allow")}
"""What libpq takes by itself without being compiled so; from 16 on, and unknown to older ones."""


def is_misread(given: str) -> bool:
    """Whether libpq takes a part of the password for the host, the port or the database, and would print it.

    It ends the password at the first `@` of a URL, and knows none at all where a `/` comes before that.

    Args:
        given: a URL, or keywords and values.

    Raises:
        psycopg.Error: it is neither.
    """
    parts = {key: str(value) for key, value in conninfo_to_dict(given).items()}
    hosts, ports = parts.get("host", "").split(","), parts.get("port", "").split(",")
    if "://" not in given:
        hosts = [host.removeprefix("@") for host in hosts]  # a socket in the abstract namespace
    odd = any("@" in one or "://" in one for one in (*hosts, parts.get("hostaddr", ""), parts.get("dbname", "")))
    return odd or not all(port.isdecimal() for port in ports if port)


def refuse_misread(given: str, whose: str) -> None:
    """Refuse what would print a part of its password, without showing any of it.

    Args:
        given: a URL, or keywords and values.
        whose: the beginning of the sentence, such as `The url`.

    Raises:
        UsageFailure: it does, or it is no connection string at all.
    """
    try:
        misread = is_misread(given)
    except psycopg.Error:
        raise UsageFailure(f"{whose} is no PostgreSQL connection URL.") from None
    if misread:
        raise UsageFailure(
            f"{whose} has a host, a port or a database that cannot be one.",
            hint="percent-encode the password in it: %40 for @, %2F for /",
        )


def destination_of(given: str, whose: str) -> Destination:
    """Where libpq would connect to: the service file and the environment are read as it reads them.

    libpq checks its options once it has gathered them from everywhere, and before it looks for a server. So it is
    given one that it refuses.

    Args:
        given: a URL, or keywords and values.
        whose: what it is about in messages, such as target `staging`.

    Raises:
        UsageFailure: it is neither, has a password that is not percent-encoded, or names a service that no service
            file defines.
    """
    refuse_misread(given, f"The url of the {whose}")
    asked = make_conninfo(given, target_session_attrs=_REFUSED)
    connection = pq.PGconn.connect_start(asked.encode())
    try:
        if _REFUSED.encode() not in connection.error_message:
            hint = "is every part of its url one that libpq knows?"
            if "service" in conninfo_to_dict(given):
                hint = "is its service in ~/.pg_service.conf, or in the file that PGSERVICEFILE names?"
            raise UsageFailure(f"libpq does not take what the settings say about the {whose}.", hint=hint)
        found = {one.keyword.decode(): one.val.decode() for one in connection.info if one.val}
    finally:
        connection.finish()
    spelt = {key: found[key] for key in ("host", "hostaddr", "port", "dbname", "user") if key in found}
    refuse_misread(make_conninfo("", **spelt), f"What libpq reads about the {whose}")
    return Destination(
        make_conninfo(given, **spelt),
        host=found.get("host", ""),
        hostaddr=found.get("hostaddr", ""),
        port=found.get("port", "5432"),
        database=found.get("dbname", ""),
    )


def masked(given: str) -> str:
    """A connection string as it may be shown: what lets one in is `***`.

    Args:
        given: a URL, or keywords and values; what is neither is not shown at all.
    """
    try:
        parts = {key: str(value) for key, value in conninfo_to_dict(given).items() if value is not None}
        if is_misread(given):
            return "***"
    except psycopg.Error:
        return "***"
    parts |= dict.fromkeys(SECRET & parts.keys(), "***")
    host = parts.get("host", "")
    if "://" not in given or "," in host or host.startswith("/"):
        return make_conninfo("", **parts)
    address = parts.pop("host", "")
    address = f"[{address}]" if ":" in address else address
    if "port" in parts:
        address += ":" + parts.pop("port")
    if "user" in parts:
        secret = ":" + parts.pop("password") if "password" in parts else ""
        address = f"{quote(parts.pop('user'), safe='')}{secret}@{address}"
    path = quote(parts.pop("dbname", ""), safe="")
    more = f"?{urlencode(parts, safe='*/')}" if parts else ""
    return f"postgresql://{address}/{path}{more}"


def used(connection: psycopg.Connection[Any]) -> dict[str, str]:
    """What a session was opened with, by libpq's keywords, password included: enough for another program to do so.

    What is as libpq is compiled is left out: an older one may not know the keyword.
    """
    return {
        one.keyword.decode(): one.val.decode()
        for one in connection.pgconn.info
        if one.val and one.val != one.compiled and one.keyword.decode() not in _NOT_TO_HAND_ON
        if (one.keyword, one.val) not in _DEFAULTS
    }
