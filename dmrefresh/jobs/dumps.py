"""Which dump a job takes, and what is said about it first."""

from __future__ import annotations

from datetime import UTC, datetime

from dmrefresh.dump.limits import MIB, Limits
from dmrefresh.errors import UsageFailure
from dmrefresh.observer import Observer
from dmrefresh.settings import Settings, Target
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


def choose_cleaned(settings: Settings, bucket: str, name: str | None, to: Target) -> tuple[Store, DumpRef]:
    """The cleaned dump of this name, or else the newest.

    Args:
        settings: name the bucket as a target.
        bucket: the target's name.
        name: an object's name.
        to: the target that is to be refreshed.

    Raises:
        UsageFailure: that target is no bucket, or the one to be refreshed is one too.
        NoSuchDump: there is none.
        SourceUnreachable: S3 does not answer, or refuses.
    """
    store = cleaned_store(settings, bucket)
    if to.s3 is not None:
        raise UsageFailure("A bucket is not refreshed from another one.", hint="leave --from out")
    return store, store.named(name) if name else store.newest_cleaned()


def cleaned_store(settings: Settings, target: str) -> Store:
    """The bucket of cleaned dumps that the settings name as a target.

    Raises:
        UsageFailure: there is no such target, or it is no bucket.
    """
    of = settings.target(target)
    if of.s3 is None:
        raise UsageFailure(
            f"The target `{target}` is no bucket of cleaned dumps.", hint="--from names a target that has `s3`"
        )
    return Store(of.s3, of.region, of.endpoint_url)


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
