"""sanitise: a filter for pipes. A plain or gzipped dump in, a plain dump out, its rows as the ruleset wants them."""

from __future__ import annotations

import contextlib
import os
import select
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import BinaryIO

from dmrefresh.dump.judging.after_load import script_of
from dmrefresh.dump.judging.against_note import held_to_note
from dmrefresh.dump.outgoing import as_it_is, by_policy
from dmrefresh.dump.reader import read_dump
from dmrefresh.dump.sanitise import sanitise
from dmrefresh.dump.text.limits import MIB, Limits
from dmrefresh.dump.writer import BROKEN_OFF, write_dump
from dmrefresh.errors import DumpDamaged, Failure, TargetUnfit, UsageFailure
from dmrefresh.jobs.limits import limits_of
from dmrefresh.jobs.rulesets.beside import fellows
from dmrefresh.jobs.rulesets.rules import read_ruleset, refuse_gone, sanitiser_key
from dmrefresh.machine.signals import Interrupted
from dmrefresh.observer import Observer
from dmrefresh.report.model import Filtered
from dmrefresh.settings.model import Settings
from dmrefresh.stages.gzip import unpacked
from dmrefresh.stages.prefetch import prefetch
from sanitisers import Ruleset, Sanitiser

_LAST_WORD = 10.0
"""Seconds that a reader has, after a signal, to take the last of the output."""
_UNWRITTEN = "What was written so far is no whole dump: do not load it."
_STATE = "What was written so far is no whole dump, and ends in a line that every server refuses."


@dataclass(frozen=True, slots=True)
class Plan:
    """What the filter does: without a ruleset it changes nothing."""

    ruleset: Ruleset | None
    key: bytes = field(repr=False)
    keep_unlisted: bool
    limits: Limits
    strict: bool = False
    threads: int = 1
    processes: int | None = None


def prepare(settings: Settings, *, ruleset: str | None, keep_unlisted: bool, strict: bool = False) -> Plan:
    """Read the ruleset.

    Args:
        settings: the settings that hold; of these a ruleset counts only where a file or the environment names it.
        ruleset: a ruleset's name or file, instead of that one.
        keep_unlisted: keep the columns that no rule covers.
        strict: a rule for what is not in the dump stops the filter.

    Raises:
        UsageFailure: there is no ruleset and nothing says that all is to be kept, or it cannot be read.
    """
    name = ruleset or (settings.ruleset.path if "path" in settings.ruleset.model_fields_set else None)
    limits = limits_of(settings)
    if name is not None:
        return Plan(
            read_ruleset(name),
            sanitiser_key(settings),
            keep_unlisted,
            limits,
            strict,
            settings.job.threads,
            settings.job.processes,
        )
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
    blocks = _filtered(plan, source, done, observer or Observer())
    descriptor = sink.fileno()
    try:
        for block in blocks:
            _write(descriptor, block)
    except Interrupted:
        _write_last(descriptor)  # how much of the block was written when the signal came, nobody knows
        raise
    except Failure as failure:
        failure.state = _STATE if not isinstance(failure, TargetUnfit) else _UNWRITTEN
        raise
    return done


def _filtered(plan: Plan, source: BinaryIO, done: Filtered, observer: Observer) -> Iterator[bytes]:
    events = prefetch(held_to_note(read_dump(_plain(_blocks(source)), limits=plan.limits)))
    if plan.ruleset is None:
        yield from write_dump(as_it_is(events))
        return
    if script_of(plan.ruleset):
        observer.warn("the ruleset's after_load and checks need a database: a filter does not run them")
    made: list[Sanitiser] = []

    def ready(sanitiser: Sanitiser) -> None:
        made.append(sanitiser)
        if plan.strict:
            refuse_gone(sanitiser)
        for warning in sanitiser.warnings:
            observer.warn(warning)

    with fellows(plan.processes) as beside:
        clean = sanitise(
            events,
            plan.ruleset,
            plan.key,
            keep_unlisted=plan.keep_unlisted,
            on_ready=ready,
            on_warning=observer.warn,
            threads=plan.threads,
            fellows=beside,
        )
        yield from write_dump(prefetch(by_policy(clean, done.left_out)))
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
    return unpacked(chain((first,), source))


def _write(descriptor: int, block: bytes) -> None:
    rest = memoryview(block)
    try:
        while rest:
            rest = rest[os.write(descriptor, rest) :]
    except BrokenPipeError:
        raise
    except OSError as error:
        raise TargetUnfit(f"The output cannot be written: {error.strerror}.") from None


def _write_last(descriptor: int) -> None:
    """Write what nobody takes for the end of a dump, if whoever reads does so within a few seconds."""
    os.set_blocking(descriptor, False)
    rest, until = memoryview(BROKEN_OFF), time.monotonic() + _LAST_WORD
    with contextlib.suppress(OSError):
        while rest and (left := until - time.monotonic()) > 0:
            if select.select([], [descriptor], [], left)[1]:
                with contextlib.suppress(BlockingIOError):
                    rest = rest[os.write(descriptor, rest) :]
    os.set_blocking(descriptor, True)
