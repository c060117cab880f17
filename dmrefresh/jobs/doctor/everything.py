"""All checks, in the order in which one can need what another has found out; and how they are made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack

from dmrefresh.errors import UsageFailure
from dmrefresh.jobs.buckets import store_at, store_of
from dmrefresh.jobs.doctor import surroundings, targets
from dmrefresh.jobs.doctor.buckets import Bucket, Wanted
from dmrefresh.jobs.doctor.checking import Check, Needs, Said, made, raising
from dmrefresh.jobs.doctor.finding import Finding, Findings
from dmrefresh.jobs.doctor.keys import Keys
from dmrefresh.jobs.doctor.newest import Newest
from dmrefresh.jobs.doctor.probe import Probe
from dmrefresh.jobs.doctor.sources import SourceOfBackups
from dmrefresh.jobs.doctor.tools import Tools
from dmrefresh.observer import Observer
from dmrefresh.settings.model import Loaded, Settings

_SLOW = {
    "key": "the keys",
    "bucket": "the bucket",
    "replica": "its replica",
    "dump": "the newest dump",
    "source": "the databases that are backed up",
    "target": "the targets",
}
"""What takes its time, by the first word of a check's name."""


def run(
    load: Callable[[], Loaded],
    *,
    only: Sequence[str] = (),
    stage: str | None = None,
    observer: Observer | None = None,
    on_fault: Callable[[Exception], None] = lambda error: None,
) -> Findings:
    """Make every check; what is wrong with the settings is found like everything else.

    Args:
        load: reads the settings.
        only: the targets to look at, by name or URL; all of the settings where none is given.
        stage: whose dumps and which source, instead of the stage of the settings and all sources.
        observer: is told what is looked at.
        on_fault: is given what no check should raise.
    """
    observer = observer or Observer()
    with ExitStack() as stack:
        try:
            loaded = load()
        except UsageFailure as failure:
            checks, names = [*Tools().checks(), Check("settings", raising(failure))], list(only)
        else:
            names = list(dict.fromkeys(only)) or list(loaded.settings.targets)
            checks = checks_for(loaded, names, stack, stage)
        found: list[Finding] = []
        told = ""
        for check in checks:
            about = _SLOW.get(check.name.partition(".")[0], told)
            if about != told:
                observer.note(f"looking at {about}")
            told = about
            found.append(made(check, on_fault))
    return Findings(found, names)


def checks_for(loaded: Loaded, names: Sequence[str], stack: ExitStack, stage: str | None = None) -> list[Check]:
    """Every check that these settings give rise to; none is made.

    Args:
        loaded: the settings.
        names: the targets to look at.
        stack: closes in the end what the checks have in common.
        stage: as in `run`.
    """
    settings = loaded.settings
    stage_of_dumps = stage or settings.dumps.stage
    tools = Tools()
    keys = Keys(settings, tools, stack)
    # Where none is named, that is what the first look at the bucket says, and all that need it do without.
    store = store_of(settings) if settings.dumps.bucket else store_at(settings, "", None, None)
    from_cleaned = not settings.sources and any(one.s3 is not None for one in settings.targets.values())
    wanted = Wanted(
        "bucket",
        stage_of_dumps,
        settings.doctor.keep,
        copied_to=settings.doctor.replica_bucket,
        may_lack=from_cleaned,
    )
    bucket = Bucket(store, wanted)
    newest = Newest(settings, stage_of_dumps, store, bucket.there, keys.private)
    return [
        *surroundings.checks_of(loaded),
        *tools.checks(),
        *keys.checks(),
        *bucket.checks(),
        *Probe(store, "bucket", bucket.there, must_put=bool(settings.sources)).checks(),
        *_replica(settings, stage_of_dumps),
        *newest.checks(),
        *_sources(settings, stage),
        *(check for name in names for check in targets.checks_of(settings, name, newest)),
        *([] if names else [Check("target", _no_target)]),
    ]


def _replica(settings: Settings, stage: str) -> list[Check]:
    doctor = settings.doctor
    if doctor.replica_bucket is None:
        return []
    store = store_at(settings, doctor.replica_bucket, doctor.replica_region, settings.dumps.endpoint_url)
    return Bucket(store, Wanted("replica", stage, doctor.replica_keep, is_copy=True)).checks()


def _sources(settings: Settings, stage: str | None) -> list[Check]:
    known = settings.sources
    if stage is not None:
        known = {name: source for name, source in known.items() if name == stage}
    if not known:
        name = f"source.{stage or settings.dumps.stage}"
        return [Check(name, raising(Needs(f"[{name.replace('source', 'sources', 1)}] in the settings, to back it up")))]
    return [check for name, source in known.items() for check in SourceOfBackups(settings, name, source).checks()]


def _no_target() -> Said:
    return Said("the settings name no target", next="add [targets.NAME] with a url to dmrefresh.toml")
