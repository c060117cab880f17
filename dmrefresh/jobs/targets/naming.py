"""Which target is meant: one of the settings, or a database of this machine by its URL."""

from __future__ import annotations

from psycopg.conninfo import conninfo_to_dict

from dmrefresh.errors import UsageFailure
from dmrefresh.postgres.reach.conninfo import SECRET, refuse_misread
from dmrefresh.settings.model import Settings
from dmrefresh.settings.targets import GivenTarget, Target


def target_of(settings: Settings, name: str) -> Target:
    """The target of this name, or of this URL.

    Args:
        settings: name the targets.
        name: a name in them, or the connection URL of a database on this machine.

    Raises:
        UsageFailure: there is no such target, or the URL is none or has a password in it.
    """
    if "://" not in name:
        return settings.target(name)
    refuse_misread(name, "The target's url")
    refuse_password(name)
    return GivenTarget(url=name)


def refuse_password(url: str) -> None:
    """Raises UsageFailure where an argument has a password in it, or what else lets one in."""
    said = conninfo_to_dict(url)
    if any(said.get(name) for name in SECRET):
        raise UsageFailure(
            "The url has a password in it, which everybody on this machine could read.",
            hint="leave it out, and set PGPASSWORD or use ~/.pgpass or a service of libpq's",
        )
