"""dumps: what the bucket holds, how old it is, and to whom it is encrypted. Nothing is decrypted."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from dmrefresh.bucket.store import Listed, SourceRefused, Store
from dmrefresh.console.showing import CleanedDump, CleanedList, DumpList, StoredDump
from dmrefresh.errors import NoSuchDump
from dmrefresh.jobs.buckets import cleaned_store, store_of
from dmrefresh.jobs.dumps.choosing import choice
from dmrefresh.jobs.dumps.doubts import is_old, is_small
from dmrefresh.jobs.dumps.noted import beside
from dmrefresh.jobs.dumps.seen import remember
from dmrefresh.machine import signals
from dmrefresh.settings.dumps import Dumps
from dmrefresh.settings.model import Settings
from dmrefresh.stages.recipients import ENOUGH, recipients

_SHOWN = 20
_AT_ONCE = 8
"""Requests under way at the same time; each is a few kilobytes."""


def run(settings: Settings, *, stage: str | None = None, everything: bool = False) -> DumpList:
    """List a stage's dumps.

    Args:
        settings: where the bucket is, and whose dumps are listed.
        stage: another stage than that of the settings.
        everything: list all, and not only the newest.

    Raises:
        NoSuchDump: there is no such bucket.
        SourceUnreachable: S3 does not answer, or refuses to list.
    """
    stage = stage or settings.dumps.stage
    store = store_of(settings)
    found = store.listed(stage)
    remember(store, (one.key for one in found))
    shown = found if everything else found[:_SHOWN]
    with _at_once() as pool:
        dumps = list(pool.map(lambda one: _stored(store, one, found, settings.dumps), shown))
    more = len(found) - len(shown)
    try:
        taken = choice(settings, store, stage, found)
    except (NoSuchDump, SourceRefused):  # there is none, or these credentials may only list
        return DumpList(store.bucket, stage, dumps, more)
    return DumpList(
        store.bucket, stage, dumps, more, taken.dump.key, [failure.what for failure in taken.doubts.refusals]
    )


def run_cleaned(settings: Settings, target: str, *, everything: bool = False) -> CleanedList:
    """List the cleaned dumps of a bucket.

    Args:
        settings: name the bucket as a target.
        target: the target's name.
        everything: list all, and not only the newest.

    Raises:
        UsageFailure: that target is no bucket.
        NoSuchDump: there is no such bucket.
        SourceUnreachable: S3 does not answer, or refuses.
    """
    store = cleaned_store(settings, target)
    found = store.listed_cleaned()
    remember(store, (one.key for one in found))
    shown = found if everything else found[:_SHOWN]
    with _at_once() as pool:
        dumps = list(pool.map(lambda one: cleaned_dump(one, facts_of(store, one)), shown))
    return CleanedList(store.bucket, target, dumps, len(found) - len(shown))


@contextlib.contextmanager
def _at_once() -> Iterator[ThreadPoolExecutor]:
    """What asks several things at once; none of them is waited for once the command was ended."""
    pool = ThreadPoolExecutor(_AT_ONCE)
    try:
        yield pool
    finally:
        pool.shutdown(wait=not signals.ended(), cancel_futures=True)


def facts_of(store: Store, one: Listed) -> dict[str, str]:
    """What was noted with a cleaned dump; nothing where it is gone since, or not for these credentials."""
    try:
        return store.facts(one.key)
    except (NoSuchDump, SourceRefused):
        return {}


def cleaned_dump(one: Listed, facts: Mapping[str, str]) -> CleanedDump:
    """What is known of a cleaned dump without reading it, by the list and by what was noted with it."""
    rows = facts.get("rows", "")
    return CleanedDump(
        one.key,
        one.taken.isoformat(),
        one.size,
        facts.get("source"),
        facts.get("ruleset"),
        int(rows) if rows.isdecimal() else None,
    )


def _stored(store: Store, one: Listed, listed: Sequence[Listed], limits: Dumps) -> StoredDump:
    return StoredDump(
        name=one.key,
        taken=one.taken.isoformat(),
        size=one.size,
        verified=one.noted and _is_verified(store, one.key),
        encrypted_to=_encrypted_to(store, one),
        too_old=is_old(one.taken, limits.max_age),
        small=is_small(one.key, one.size, listed, limits.smallest),
    )


def _is_verified(store: Store, key: str) -> bool:
    try:
        return beside(store, store.named(key)).verified is not None
    except (NoSuchDump, SourceRefused):  # gone since, or not for these credentials: the list goes on
        return False


def _encrypted_to(store: Store, one: Listed) -> list[str] | None:
    if one.size == 0:
        return None
    try:
        return recipients(store.beginning(one.key, ENOUGH))
    except (NoSuchDump, SourceRefused):  # gone since, archived, or not for these credentials: the list goes on
        return None
