"""The first look at a target, before anything is fetched: may this run publish to it at all?"""

from __future__ import annotations

from collections.abc import Callable

from dmrefresh.errors import UsageFailure
from dmrefresh.observer import Observer
from dmrefresh.postgres import connect
from dmrefresh.postgres.guard import Guard
from dmrefresh.postgres.reaching import reached
from dmrefresh.settings import Production, Target

Confirm = Callable[[str, str], None]
"""Is given a remote target's name and where it is; returns if a person wants it, raises UsageFailure if not."""


def nobody_confirms(name: str, place: str) -> None:
    """The confirmation where nobody can be asked.

    Raises:
        UsageFailure: always.
    """
    raise UsageFailure(
        f"The target {name} is not on this machine ({place}), and nobody has confirmed it.",
        hint=f"add --confirm {name}",
    )


def look(target: Target, name: str, production: Production, observer: Observer, confirm: Confirm) -> bool:
    """Refuse production, a superuser, a standby; have a remote target confirmed. Nothing is changed.

    Args:
        target: the target's settings.
        name: its name in them.
        production: what the settings say about production.
        observer: is told of warnings.
        confirm: is asked where the target is not on this machine.

    Returns:
        whether it is remote.

    Raises:
        UsageFailure: nobody has confirmed it.
        Failure: it does not answer, or is refused.
    """
    guard = Guard(production, target.not_production)
    with (
        reached(target, name, observer, allowed=guard.check_host) as there,
        connect.session(there.url) as connection,
    ):
        guard.check(connection, observer)
        connect.refuse_superuser(connection, allowed=target.allow_superuser)
        connect.refuse_standby(connection)
        remote, place = there.remote, there.host
    if remote:
        confirm(name, place)
    return remote
