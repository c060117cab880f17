"""sanitise: a filter for pipes. A plain or gzipped dump in, a plain dump out, its rows as the ruleset wants them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import BinaryIO

from dmrefresh.dump.limits import MIB, Limits
from dmrefresh.dump.reader import read_dump
from dmrefresh.dump.sanitise import sanitise
from dmrefresh.dump.writer import only_allowed, write_dump
from dmrefresh.errors import DumpDamaged, Failure, TargetUnfit, UsageFailure
from dmrefresh.jobs.dumps import limits_of
from dmrefresh.jobs.rules import read_ruleset, sanitiser_key
from dmrefresh.observer import Observer
from dmrefresh.report import Filtered
from dmrefresh.settings import Settings
from dmrefresh.stages.gzip import gunzip
from dmrefresh.stages.prefetch import prefetch
from sanitisers import Ruleset, Sanitiser

_GZIP = b"\x1f\x8b"
_STATE = "What was written so far is no whole dump, and ends in a line that every server refuses."


@dataclass(frozen=True, slots=True)
class Plan:
    """What the filter does: without a ruleset it changes nothing."""

    ruleset: Ruleset | None
    key: bytes = field(repr=False)
    keep_unlisted: bool
    limits: Limits


def prepare(settings: Settings, *, ruleset: str | None, keep_unlisted: bool) -> Plan:
    """Read the ruleset.

    Args:
        settings: the settings that hold; of these a ruleset counts only where a file or the environment names it.
        ruleset: a ruleset's name or file, instead of that one.
        keep_unlisted: keep the columns that no rule covers.

    Raises:
        UsageFailure: there is no ruleset and nothing says that all is to be kept, or it cannot be read.
    """
    name = ruleset or (settings.ruleset.path if "path" in settings.ruleset.model_fields_set else None)
    limits = limits_of(settings)
    if name is not None:
        return Plan(read_ruleset(name), sanitiser_key(settings), keep_unlisted, limits)
    if keep_unlisted:
        return Plan(None, b"", keep_unlisted, limits)
    raise UsageFailure(
        "No ruleset says what becomes of the rows.",
        hint="give --ruleset NAME or FILE; --unlisted keep without a ruleset passes every row as it is",
    )


def run(plan: Plan, source: BinaryIO, sink: BinaryIO, observer: Observer | None = None) -> Filtered:
    """Filter a dump.

    Args:
        plan: what becomes of it.
        source: the dump, plain or gzipped; it is read to its end.
        sink: takes the plain text.
        observer: is told of warnings.

    Raises:
        Failure: the dump is damaged or refused, or a row cannot be sanitised; what was written cannot be loaded.
        BrokenPipeError: nobody reads the output any more.
    """
    done = Filtered()
    try:
        for block in _filtered(plan, source, done, observer or Observer()):
            _write(sink, block)
        sink.flush()
    except Failure as failure:
        failure.state = _STATE
        raise
    return done


def _filtered(plan: Plan, source: BinaryIO, done: Filtered, observer: Observer) -> Iterator[bytes]:
    events = prefetch(read_dump(_plain(_blocks(source)), limits=plan.limits))
    if plan.ruleset is None:
        yield from write_dump(only_allowed(events, everything=True, left_out=done.left_out))
        return
    made: list[Sanitiser] = []

    def ready(sanitiser: Sanitiser) -> None:
        made.append(sanitiser)
        for warning in sanitiser.warnings:
            observer.warn(warning)

    clean = sanitise(
        events, plan.ruleset, plan.key, keep_unlisted=plan.keep_unlisted, on_ready=ready, on_warning=observer.warn
    )
    yield from write_dump(prefetch(only_allowed(clean, everything=False, left_out=done.left_out)))
    for table in made[0].report().values():
        done.rows_in += table.rows_in
        done.rows_out += table.rows_out
        done.replaced += sum(table.replaced.values())


def _blocks(source: BinaryIO) -> Iterator[bytes]:
    while block := os.read(source.fileno(), MIB):
        yield block


def _plain(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The same text, decompressed where it is gzip data."""
    source = iter(blocks)
    first = next(source, b"")
    if not first:
        raise DumpDamaged("There is nothing on standard input.")
    both = chain((first,), source)
    return gunzip(both) if first.startswith(_GZIP) else both


def _write(sink: BinaryIO, block: bytes) -> None:
    try:
        sink.write(block)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise TargetUnfit(f"The output cannot be written: {error.strerror}.") from None
