"""Which dump a refresh takes its rows from: found now, looked up again, or an older one where that is damaged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial

from dmrefresh.bucket.store import DumpRef
from dmrefresh.errors import NoSuchDump
from dmrefresh.jobs.dumps.choosing import chosen, older
from dmrefresh.jobs.dumps.doubts import Doubts, of_a_cleaned_one
from dmrefresh.jobs.dumps.taking import Chosen, choose_cleaned
from dmrefresh.jobs.limits import limits_of
from dmrefresh.jobs.refresh.cached import cache_of
from dmrefresh.jobs.refresh.cleaned import Cleaned
from dmrefresh.jobs.refresh.encrypted import Encrypted
from dmrefresh.jobs.refresh.source import Source
from dmrefresh.jobs.rulesets.rules import sanitiser_key
from dmrefresh.settings.model import Settings, Target
from sanitisers import Ruleset


@dataclass(frozen=True, slots=True)
class Found:
    """A dump, and how to come to another one.

    Attributes:
        source: it, and what opens it.
        again: looks up what there is now in its place; raises NoSuchDump where there is nothing.
        older: those that are older, the best first.
        passed_over: why newer ones were not taken.
        doubts: what speaks against it.
    """

    source: Source
    again: Callable[[], Found]
    older: Callable[[], Iterator[Found]]
    passed_over: tuple[str, ...] = ()
    doubts: Doubts = field(default_factory=Doubts)

    @property
    def dump(self) -> DumpRef:
        """The object."""
        return self.source.dump


def of_production(settings: Settings, rules: Ruleset, dump: str | None, stage: str | None, *, strict: bool) -> Found:
    """The dump of this name, or the one of a stage that a refresh takes.

    Args:
        settings: the settings that hold.
        rules: what cleans it.
        dump: the object's name.
        stage: whose, instead of the one in the settings.
        strict: a rule for what is not in the dump stops the run.

    Raises:
        Failure: there is none, or the keys' files are not named.
    """
    first = chosen(settings, dump, stage)
    source = Encrypted(
        store=first.store,
        dump=first.dump,
        keys=settings.keys.files(),
        ruleset=rules,
        sanitiser_key=sanitiser_key(settings),
        limits=limits_of(settings),
        strict=strict,
        signed=settings.dumps.signed,
        cache=cache_of(settings),
        threads=settings.job.threads,
        processes=settings.job.processes,
    )

    def found(one: Chosen, again: Callable[[], Chosen]) -> Found:
        return Found(
            source=replace(source, store=one.store, dump=one.dump),
            again=lambda: found(again(), again),
            older=lambda: earlier(one.dump.key),
            passed_over=one.passed_over,
            doubts=one.doubts,
        )

    def earlier(than: str) -> Iterator[Found]:
        for one in older(settings, first.store, than):
            yield found(one, partial(chosen, settings, one.dump.key, None))

    return found(first, partial(chosen, settings, dump, stage))


def of_a_bucket(settings: Settings, rules: Ruleset, dump: str | None, bucket: str, to: Target) -> Found:
    """The cleaned dump of this name, or the newest, in the bucket that is the target `bucket`; raises as above.

    Args:
        settings: the settings that hold.
        rules: what its definitions are looked through by.
        dump: the object's name.
        bucket: the target's name.
        to: the target that is refreshed from it.
    """
    first = choose_cleaned(settings, bucket, dump, to)
    store = first.store
    public_key = settings.keys.locate(settings.keys.public_key)
    source = Cleaned(store, first.dump, public_key, rules, limits_of(settings), cache_of(settings))

    def found(one: Chosen, again: Callable[[], Chosen]) -> Found:
        return Found(
            source=replace(source, dump=one.dump),
            again=lambda: found(again(), again),
            older=lambda: earlier(one.dump.key),
            passed_over=one.passed_over,
            doubts=of_a_cleaned_one(settings.dumps, one.dump),
        )

    def earlier(than: str) -> Iterator[Found]:
        for listed in store.listed_cleaned():
            if listed.size and listed.key < than:
                with suppress(NoSuchDump):
                    again = partial(choose_cleaned, settings, bucket, listed.key, to)
                    yield found(again(), again)

    return found(first, partial(choose_cleaned, settings, bucket, dump, to))
