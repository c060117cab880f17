"""The first look at a target, before anything is fetched: may this run publish to it at all?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from dmrefresh.bucket.store import Store
from dmrefresh.errors import TargetUnfit, UsageFailure
from dmrefresh.observer import Observer
from dmrefresh.postgres import scratch
from dmrefresh.postgres.guard import Guard
from dmrefresh.postgres.reach import connect
from dmrefresh.postgres.reach.reaching import Reached, reached
from dmrefresh.postgres.unique_columns import unique_columns
from dmrefresh.settings.model import Production, Target
from dmrefresh.settings.targets import GivenTarget
from dmrefresh.stages.upload import see_bucket
from sanitisers import Known
from sanitisers.making.uniqueness import ROWS

Confirm = Callable[[str, str], None]
"""Is given a remote target's name and where it is; returns if a person wants it, raises UsageFailure if not."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What was looked at, and confirmed where that was needed.

    Attributes:
        remote: whether the target is on another machine.
        leads_to: where it is, see `Reached`.
        guard: refuses production, and another machine where this one was taken for granted.
        known: the columns of the target in which no value comes twice, and about how many rows it has.
    """

    remote: bool
    leads_to: tuple[str, ...]
    guard: Guard
    known: Known

    def refuse_another(self, there: Reached) -> None:
        """Let only that pass which was looked at: a service or a command may say another thing by now.

        Raises:
            TargetUnfit: it leads elsewhere.
        """
        if (there.remote, there.leads_to) != (self.remote, self.leads_to):
            raise TargetUnfit(
                "The target leads elsewhere than it did when this run began, and nobody has confirmed that.",
                hint="run it again",
            )


def nobody_confirms(name: str, place: str) -> None:
    """The confirmation where nobody can be asked.

    Raises:
        UsageFailure: always.
    """
    raise UsageFailure(
        f"The target {name} is not on this machine ({place}), and nobody has confirmed it.",
        hint=f"add --confirm {name}",
    )


def look(target: Target, name: str, production: Production, observer: Observer, confirm: Confirm) -> Looked:
    """Refuse production, a superuser, a standby; have a remote target confirmed. Nothing is changed.

    Args:
        target: the target's settings.
        name: its name in them.
        production: what the settings say about production.
        observer: is told of warnings.
        confirm: is asked where the target is not on this machine.

    Returns:
        what was found, against which to hold what is reached later.

    Raises:
        UsageFailure: nobody has confirmed it.
        Failure: it does not answer, or is refused.
    """
    guard = Guard(production, target.not_production)
    with reached(target, name, observer, allowed=guard.check_host) as there:
        if there.remote and isinstance(target, GivenTarget):
            raise UsageFailure(
                f"The target is not on this machine ({there.host}), and no settings name it.",
                hint="add it to dmrefresh.toml as [targets.NAME], and give that name",
            )
        guard = replace(guard, local=not there.remote)
        with connect.session(there.url) as connection:
            guard.check(connection, observer)
            connect.refuse_superuser(connection, allowed=target.allow_superuser)
            connect.refuse_standby(connection)
            likely, rows = unique_columns(connection)
    if there.remote:
        confirm(name, there.host)
    larger = {
        table: count for table, count in rows.items() if count > ROWS
    }  # what comes may have more than a small one
    return Looked(there.remote, there.leads_to, guard, Known(likely=likely, rows=larger))


def look_at_bucket(
    store: Store, target: Target, name: str, production: Production, confirm: Confirm, *, needs_scratch: bool
) -> None:
    """See that the bucket is there, and the server that a scratch database needs; have the bucket confirmed.

    Args:
        store: the bucket.
        target: its settings.
        name: its name in them.
        production: what the settings say about production, which is no scratch server.
        confirm: is asked.
        needs_scratch: whether the ruleset does something after the load.

    Raises:
        UsageFailure: nobody has confirmed it, or the settings are not right.
        Failure: the bucket or the server does not answer, or is refused.
    """
    see_bucket(store)
    if needs_scratch:
        scratch.look(target.scratch, Guard(production))
    confirm(name, f"the bucket {store.bucket}")
