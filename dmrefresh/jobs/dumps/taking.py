"""Which dump a job takes, and what is said about it first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from dmrefresh.bucket.store import DumpRef, Listed, Store
from dmrefresh.bucket.verified import SUFFIX
from dmrefresh.console.showing import ago
from dmrefresh.errors import NoSuchDump, UsageFailure
from dmrefresh.jobs.buckets import cleaned_store, store_of
from dmrefresh.jobs.dumps.doubts import Doubts
from dmrefresh.observer import Observer
from dmrefresh.settings.model import Settings, Target


@dataclass(frozen=True, slots=True)
class Chosen:
    """A dump, and what is to be said of it.

    Attributes:
        store: its bucket.
        dump: the object; its SHA-256 is that of what was read back, where it was.
        passed_over: why others were not taken, in sentences.
        doubts: what speaks against it.
        read_back: whether a note beside it says that it was read back.
    """

    store: Store
    dump: DumpRef
    passed_over: tuple[str, ...] = ()
    doubts: Doubts = field(default_factory=Doubts)
    read_back: bool = False


def choose(settings: Settings, name: str | None, stage: str | None) -> Chosen:
    """The dump of this name, or else the newest, whether it was read back or not.

    Args:
        settings: where the bucket is, and whose dumps are taken.
        name: an object's name.
        stage: whose dumps to take, instead of the one in the settings.

    Raises:
        NoSuchDump: there is none.
        SourceUnreachable: S3 does not answer, or refuses.
    """
    store, stage = store_of(settings), stage or settings.dumps.stage
    refuse_note(name or "")
    return _named_or_first(store, name, lambda: store.listed(stage), no_dump(store, stage))


def refuse_note(name: str) -> None:
    """See that somebody has not named what lies beside a dump.

    Raises:
        NoSuchDump: it is no dump.
    """
    if name.endswith(SUFFIX):
        raise NoSuchDump(f"{name} is what is noted beside a dump.", hint=f"name the dump: {name.removesuffix(SUFFIX)}")


def choose_cleaned(settings: Settings, bucket: str, name: str | None, to: Target) -> Chosen:
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
    none = NoSuchDump(
        f"There is no cleaned dump in the bucket {store.bucket}.",
        hint="`dmrefresh clean-and-apply` to the target with this bucket makes one",
    )
    return _named_or_first(store, name, store.listed_cleaned, none)


def _named_or_first(store: Store, name: str | None, listed: Callable[[], Sequence[Listed]], none: NoSuchDump) -> Chosen:
    """The dump of this name, or else the first of those that are listed, which is the newest; raises `none`."""
    if name:
        return Chosen(store, store.named(name))
    there, passed_over = not_empty(listed())
    if not there:
        raise none
    return Chosen(store, store.named(there[0].key), tuple(passed_over))


def not_empty(listed: Sequence[Listed]) -> tuple[list[Listed], list[str]]:
    """Those of the listed dumps that are not empty, and of those that are newer than all of these, why they are not
    taken, in sentences."""
    there = [one for one in listed if one.size]
    newest = there[0].key if there else ""
    return there, [f"{one.key} is empty and was passed over" for one in listed if not one.size and one.key > newest]


def no_dump(store: Store, stage: str) -> NoSuchDump:
    """What is told where a stage has no dump."""
    return NoSuchDump(
        f"There is no dump of {stage} in the bucket {store.bucket}.",
        hint=f"`dmrefresh backup-production --stage {stage}` makes one; names look like "
        f"{stage}-202611220300.sql.gz.gpg",
    )


def introduce(dump: DumpRef, observer: Observer, passed_over: Sequence[str] = ()) -> None:
    """Say which dump it is, how large and how old, and why others were passed over."""
    for why in passed_over:
        observer.warn(why)
    megabytes = dump.size / 1e6
    age = f", {ago(dump.taken)} old" if dump.taken is not None else ""
    observer.note(f"dump: {dump.key}, {megabytes:.1f} MB{age}")
