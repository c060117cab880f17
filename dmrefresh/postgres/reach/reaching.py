"""Where a target is: a URL, a libpq service or a bound service says it, and a tunnel may lead there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import zip_longest

from psycopg.conninfo import make_conninfo

from dmrefresh.errors import UsageFailure
from dmrefresh.observer import Observer
from dmrefresh.postgres.reach import tunnel, vcap
from dmrefresh.postgres.reach.conninfo import Destination, destination_of
from dmrefresh.postgres.reach.server_names import is_local
from dmrefresh.settings.targets import Located

_HOST = re.compile(r"[A-Za-z0-9_.:][A-Za-z0-9_.:-]*")
"""A name or an address, and nothing that a command could take for an option of its own."""


@dataclass(frozen=True, slots=True)
class Reached:
    """A target that can be connected to.

    Attributes:
        url: the connection string for psycopg; it may hold a password.
        remote: whether the server is on another machine, as far as its name or a tunnel tells.
        host: what the settings call the server, before any tunnel; `the local socket` without a name.
        leads_to: names, addresses and ports of the server, and the database, before any tunnel.
    """

    url: str = field(repr=False)
    remote: bool
    host: str
    leads_to: tuple[str, ...]


@contextmanager
def reached(
    target: Located,
    name: str,
    observer: Observer | None = None,
    *,
    patience: float = tunnel.PATIENCE,
    allowed: Callable[[str], None] = lambda host: None,
) -> Iterator[Reached]:
    """Make a target reachable for the length of the block; no connection is made but the tunnel's.

    Args:
        target: its settings, or those of a database that is backed up.
        name: what the settings call it.
        observer: is told when a tunnel is open.
        patience: seconds in which PostgreSQL must answer through a tunnel.
        allowed: is given the server's names and addresses before any tunnel, then all that may be a name or an
            address in the tunnel's command; it raises where they are refused.

    Raises:
        UsageFailure: what says where it is is missing or unreadable.
        TargetUnreachable: a command of the target failed, or its tunnel ended before or inside the block.
    """
    whose = f"{target.KIND} `{name}`"
    place = destination_of(_given(target, whose), whose)
    host = place.host or place.hostaddr or "the local socket"
    leads_to = (place.host, place.hostaddr, place.port, place.database)
    allowed(f"{place.host},{place.hostaddr}")
    if not target.tunnel:
        yield Reached(place.conninfo, is_remote(place), host, leads_to)
        return
    argv = _command(target, place, whose)
    allowed(",".join(word for argument in argv for word in _words(argument)))
    with tunnel.opened(argv, whose, patience) as port:
        if observer is not None:
            observer.note(f"a tunnel leads to {host}")
        # The name stays: certificates are checked against it (sslmode=verify-full), and the address is used.
        # https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNECT-HOSTADDR
        through = make_conninfo(place.conninfo, host=place.host or "localhost", hostaddr="127.0.0.1", port=port)
        yield Reached(through, True, host, leads_to)


def _given(target: Located, whose: str) -> str:
    if target.service is not None:
        return make_conninfo("", service=target.service)
    if target.vcap is not None:
        return vcap.credentials(target.vcap, target.vcap_command, whose)
    assert target.url is not None
    return target.url


def is_remote(place: Destination) -> bool:
    """Whether any server that libpq might connect to is on another machine."""
    # Of each server libpq takes the address, and the name only where it is empty.
    pairs = zip_longest(place.host.split(","), place.hostaddr.split(","), fillvalue="")
    return not all(is_local(hostaddr or host) for host, hostaddr in pairs)


def _words(argument: str) -> set[str]:
    """What in a command's argument may be a host: `-L5432:db.example.org:5432`, `me@[::1]`, `--host=db`."""
    whole = re.split(r"[\s@=,/\[\]]+", argument)
    return {part for word in whole for part in (word, word[2:] if word.startswith("-") else word, *word.split(":"))}


def _command(target: Located, place: Destination, whose: str) -> list[str]:
    """The tunnel's command, with the server's name and port in it; {port} is left."""
    host = place.hostaddr or place.host or "localhost"
    if not _HOST.fullmatch(host) or not place.port.isdigit():
        raise UsageFailure(
            f"The {whose} has a tunnel, which needs one host and one port to lead to.",
            hint="give its url a host",
        )
    host = f"[{host}]" if ":" in host else host
    return [argument.replace("{host}", host).replace("{hostport}", place.port) for argument in target.tunnel]
