"""Which dump a refresh takes: the newest that was read back, or else the newest; and what speaks against it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

from dmrefresh.bucket.store import DumpRef, Listed, SourceRefused, Store, taken_at
from dmrefresh.bucket.verified import Verified
from dmrefresh.errors import DumpDamaged, Failure, NoSuchDump
from dmrefresh.jobs.buckets import store_of
from dmrefresh.jobs.dumps.doubts import Doubt, Doubts, of_age_and_size
from dmrefresh.jobs.dumps.noted import beside
from dmrefresh.jobs.dumps.seen import remember
from dmrefresh.jobs.dumps.taking import Chosen, no_dump, not_empty, refuse_note
from dmrefresh.settings.dumps import Dumps
from dmrefresh.settings.model import Settings

_TRIED = 10
"""Notes that are looked at, from the newest on: one that is not true is rare."""


class DumpChanged(DumpDamaged):
    """A dump is not the object that was read back; fetched again it would be the same."""

    retry = False


def chosen(settings: Settings, name: str | None, stage: str | None) -> Chosen:
    """The dump of this name, or else the newest that was read back, or else the newest.

    Args:
        settings: where the bucket is, whose dumps are taken, and what becomes of doubtful ones.
        name: an object's name: a person's choice, of which doubts only warn.
        stage: whose dumps to take, instead of the one in the settings.

    Raises:
        NoSuchDump: there is none.
        SourceUnreachable: S3 does not answer, or refuses.
    """
    store = store_of(settings)
    if name is not None:
        return _named(settings, store, name)
    stage = stage or settings.dumps.stage
    listed = store.listed(stage)
    remember(store, (one.key for one in listed))
    return choice(settings, store, stage, listed)


def choice(settings: Settings, store: Store, stage: str, listed: Sequence[Listed]) -> Chosen:
    """Which of the dumps of a stage a refresh takes; raises as `chosen`.

    Args:
        settings: what becomes of doubtful ones.
        store: their bucket.
        stage: whose they are.
        listed: all of them, the newest first.
    """
    there, passed_over = not_empty(listed)
    if not there:
        raise no_dump(store, stage)
    newest = there[0].key
    dump, doubts = _newest_read_back(settings.dumps, store, there, passed_over)
    read_back = dump is not None and not any(one.failure for one in doubts)
    if dump is None:
        dump = store.named(newest)
        doubts += [_none_was_read_back(stage, newest, refuses=settings.dumps.unverified == "refuse")]
    elif dump.key != newest:
        passed_over.append(_newer([one.key for one in there], dump.key))
    doubts += of_age_and_size(settings.dumps, dump, there, newer=newest if dump.key != newest else None)
    return Chosen(store, dump, tuple(passed_over), Doubts(tuple(doubts)), read_back)


def older(settings: Settings, store: Store, than: str) -> Iterator[Chosen]:
    """Dumps of the same stage that are older, the newest first, and before all others those that were read back.

    Their age and size only warn. One that is not the object that was read back is left out.

    Args:
        settings: whether one that nobody has read back may be taken.
        store: their bucket.
        than: the name of a dump.

    Raises:
        SourceUnreachable: S3 does not answer, or refuses.
    """
    there = [one for one in _stage_of(store, than) if one.key < than]
    unread = [one.key for one in there if not one.noted]
    for key in [one.key for one in there if one.noted][:_TRIED]:
        for found in _still_there(settings, store, key):
            if found.read_back:
                newer = [*(other for other in sorted(unread, reverse=True) if other > key), key]
                yield replace(found, passed_over=(_newer(newer, key),) if len(newer) > 1 else ())
            else:
                unread.append(key)
    if settings.dumps.unverified == "warn":
        for key in sorted(unread, reverse=True):
            yield from _still_there(settings, store, key)


def _still_there(settings: Settings, store: Store, key: str) -> Iterator[Chosen]:
    """This one, if it is there and is not known to be another than was read back."""
    with suppress(NoSuchDump):
        found = _named(settings, store, key)
        if not found.doubts.refusals:
            yield found


def said_of_age_and_size(settings: Dumps, store: Store, dump: DumpRef) -> list[str]:
    """What the age and the size of a dump say against it, in sentences.

    Raises:
        SourceUnreachable: S3 does not answer.
    """
    return [one.warning for one in of_age_and_size(settings, dump, _stage_of(store, dump.key))]


def _named(settings: Settings, store: Store, name: str) -> Chosen:
    refuse_note(name)
    dump = store.named(name)
    found = beside(store, dump)
    doubts: list[Doubt] = []
    if found.verified is not None:
        dump = replace(dump, sha256=found.verified.sha256)
        doubts += _of_signature(settings.dumps, found.verified)
    elif found.contradicted:
        doubts.append(_changed(name))
    else:
        doubts.append(Doubt(f"{name} was never read back"))
    doubts += (replace(one, failure=None) for one in of_age_and_size(settings.dumps, dump, _stage_of(store, name)))
    return Chosen(store, dump, doubts=Doubts(tuple(doubts)), read_back=found.verified is not None)


def _stage_of(store: Store, name: str) -> list[Listed]:
    """The dumps of the stage that a dump's name tells, as far as these credentials may list them."""
    if taken_at(name) is None:
        return []
    try:
        return [one for one in store.listed(name.rpartition("-")[0]) if one.size]
    except (NoSuchDump, SourceRefused):
        return []


def _newest_read_back(
    settings: Dumps, store: Store, there: Sequence[Listed], passed_over: list[str]
) -> tuple[DumpRef | None, list[Doubt]]:
    """The newest dump that was read back, if one was; why notes do not count is added to `passed_over`."""
    for one in [one for one in there if one.noted][:_TRIED]:
        dump = store.named(one.key)
        found = beside(store, dump)
        if found.verified is not None:
            return replace(dump, sha256=found.verified.sha256), _of_signature(settings, found.verified)
        if found.contradicted:
            return dump, [_changed(dump.key)]
        passed_over.append(f"the note beside {dump.key} does not count: {found.why_not}")
    return None, []


def _of_signature(settings: Dumps, verified: Verified) -> list[Doubt]:
    """Whether it may turn out at its end not to be signed; whoever read it back may just not have looked."""
    if not settings.signed or verified.signed:
        return []
    what = f"{verified.name} must be signed, and whoever read it back does not say that it is"
    return [Doubt(f"{what} (dmrefresh check-dump {verified.name} --record)")]


def _changed(key: str) -> Doubt:
    what = f"{key} is not the object that was read back, or is damaged: what is noted with it is another SHA-256"
    return Doubt(what, DumpChanged(f"{what}.", hint="look at who wrote it; take another with --dump"))


def _none_was_read_back(stage: str, newest: str, *, refuses: bool) -> Doubt:
    mend = f"dmrefresh check-dump {newest} --record"
    failure: Failure = NoSuchDump(
        f"No dump of {stage} was ever read back, and only such a one is taken.",
        hint=f"`{mend}` reads the newest, and notes that it is whole",
    )
    return Doubt(f"no dump of {stage} was ever read back; {newest} is taken ({mend})", failure if refuses else None)


def _newer(there: Sequence[str], taken: str) -> str:
    newer = there[: there.index(taken)]
    more = f" and {len(newer) - 1} more are" if len(newer) > 1 else " is"
    were = "were" if len(newer) > 1 else "was"
    return f"{newer[0]}{more} newer and {were} never read back; {taken} is taken"
