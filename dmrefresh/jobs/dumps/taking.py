"""Which dump a job takes, and what is said about it first."""

from __future__ import annotations

from collections.abc import Sequence

from dmrefresh.bucket.store import DumpRef, Store
from dmrefresh.bucket.verified import SUFFIX
from dmrefresh.console.showing import ago
from dmrefresh.errors import NoSuchDump, UsageFailure
from dmrefresh.jobs.buckets import cleaned_store, store_of
from dmrefresh.observer import Observer
from dmrefresh.settings.model import Settings, Target


def choose(settings: Settings, name: str | None, stage: str | None) -> tuple[Store, DumpRef]:
    """The dump of this name, or else the newest, whether it was read back or not.

    Args:
        settings: where the bucket is, and whose dumps are taken.
        name: an object's name.
        stage: whose dumps to take, instead of the one in the settings.

    Raises:
        NoSuchDump: there is none.
        SourceUnreachable: S3 does not answer, or refuses.
    """
    store = store_of(settings)
    refuse_note(name or "")
    return store, store.named(name) if name else store.newest(stage or settings.dumps.stage)


def refuse_note(name: str) -> None:
    """See that somebody has not named what lies beside a dump.

    Raises:
        NoSuchDump: it is no dump.
    """
    if name.endswith(SUFFIX):
        raise NoSuchDump(f"{name} is what is noted beside a dump.", hint=f"name the dump: {name.removesuffix(SUFFIX)}")


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
    refuse_note(name or "")
    if to.s3 is not None:
        raise UsageFailure("A bucket is not refreshed from another one.", hint="leave --from out")
    return store, store.named(name) if name else store.newest_cleaned()


def introduce(store: Store, dump: DumpRef, observer: Observer, passed_over: Sequence[str] = ()) -> None:
    """Say which dump it is, how large and how old, and why others were passed over."""
    for why in [*store.skipped, *passed_over]:
        observer.warn(why)
    megabytes = dump.size / 1e6
    age = f", {ago(dump.taken)} old" if dump.taken is not None else ""
    observer.note(f"dump: {dump.key}, {megabytes:.1f} MB{age}")
