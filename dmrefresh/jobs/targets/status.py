"""status: what a target holds, since when, from whom, and whether there is a way back."""

from __future__ import annotations

from dmrefresh.bucket.store import Store
from dmrefresh.console.showing import Status
from dmrefresh.jobs.buckets import cleaned_store
from dmrefresh.jobs.dumps.list_dumps import cleaned_dump, facts_of
from dmrefresh.jobs.targets.naming import target_of
from dmrefresh.observer import Observer
from dmrefresh.postgres.lock import Holder
from dmrefresh.postgres.reach.reaching import reached
from dmrefresh.postgres.state import State, state_of
from dmrefresh.settings.model import Settings


def run(settings: Settings, target: str, observer: Observer | None = None) -> Status:
    """Ask the target.

    Args:
        settings: the settings that hold.
        target: the target's name in them.
        observer: is told when a tunnel is open.

    Raises:
        UsageFailure: the settings name no such target.
        TargetUnreachable: it does not answer.
        RightsMissing: its role may not read the receipts.
    """
    to = target_of(settings, target)
    if to.s3 is not None:
        return _of_bucket(target, cleaned_store(settings, target))
    with reached(to, target, observer) as there:
        return _shown(target, state_of(there.url))


def _of_bucket(target: str, store: Store) -> Status:
    """What was stored last, as it was noted with the object."""
    newest = next((one for one in store.listed_cleaned() if one.size), None)
    if newest is None:
        return Status(target)
    facts = facts_of(store, newest)
    one = cleaned_dump(newest, facts)
    return Status(
        target,
        refreshed=True,
        refreshed_at=one.made,
        dump=one.source,
        cleaned=one.name,
        ruleset=one.ruleset,
        dmrefresh=facts.get("dmrefresh"),
        rows=one.rows,
        by=facts.get("by"),
        strategy="s3",
        run=facts.get("run"),
    )


def _shown(target: str, state: State) -> Status:
    facts: dict[str, object] = {}
    if state.entry is not None:
        entry = state.entry
        facts = {
            "refreshed": True,
            "refreshed_at": entry.published_at.isoformat(timespec="seconds"),
            "dump": entry.dump,
            "cleaned": entry.cleaned or None,
            "ruleset": entry.ruleset,
            "dmrefresh": entry.version,
            "rows": entry.rows,
            "by": entry.published_by or None,
            "role": entry.role or None,
            "strategy": entry.strategy,
            "run": entry.run,
            "rolled_back_to": entry.restored,
            "as_published": state.as_published,
            "kept": state.kept,
            "kept_until": state.kept_until.isoformat() if state.kept_until is not None else None,
        }
    return Status(target, **facts, **_under_way(state.holder))  # type: ignore[arg-type]


def _under_way(holder: Holder | None) -> dict[str, object]:
    if holder is None:
        return {}
    return {
        "under_way": True,
        "under_way_since": holder.began.isoformat() if holder.began is not None else None,
        "under_way_role": holder.role,
        "under_way_run": holder.run,
    }
