"""Which dump a job takes, and what is said about it first."""

from __future__ import annotations

from datetime import UTC, datetime

from dmrefresh.dump.limits import MIB, Limits
from dmrefresh.observer import Observer
from dmrefresh.settings import Settings
from dmrefresh.store import DumpRef, Store


def choose(settings: Settings, name: str | None, stage: str | None) -> tuple[Store, DumpRef]:
    """The dump of this name, or else the newest.

    Args:
        settings: where the bucket is, and whose dumps are taken.
        name: an object's name.
        stage: whose dumps to take, instead of the one in the settings.

    Raises:
        NoSuchDump: there is none.
        SourceUnreachable: S3 does not answer, or refuses.
    """
    store = Store(settings.dumps.bucket, settings.dumps.region, settings.dumps.endpoint_url)
    return store, store.named(name) if name else store.newest(stage or settings.dumps.stage)


def limits_of(settings: Settings) -> Limits:
    """How much of a dump may be held in memory, in bytes."""
    limits = settings.limits
    return Limits(limits.statement_mib * MIB, limits.row_mib * MIB, limits.head_mib * MIB)


def introduce(store: Store, dump: DumpRef, observer: Observer) -> None:
    """Say which dump it is, how large and how old, and which others were passed over."""
    for skipped in store.skipped:
        observer.warn(skipped)
    megabytes = dump.size / 1e6
    age = ""
    if dump.taken is not None:
        hours = max((datetime.now(UTC) - dump.taken).total_seconds() / 3600, 0)
        age = f", {hours:.0f} hours old" if hours < 48 else f", {hours / 24:.0f} days old"
    observer.note(f"dump: {dump.key}, {megabytes:.1f} MB{age}")
