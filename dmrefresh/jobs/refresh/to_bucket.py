"""A refresh of a bucket: the cleaned dump, signed, under a dated name and under the fixed one.

It is made whole on this machine, sanitised and compressed in a nameless file, before the bucket sees a byte. What the
ruleset has done after the load is done in a scratch database, which is then dumped.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain

from dmrefresh import __version__
from dmrefresh.bucket.store import LATEST_CLEANED, Store
from dmrefresh.dump.events import Event, Head, TableData
from dmrefresh.dump.judging.after_load import Script
from dmrefresh.dump.mark import Mark, write_mark
from dmrefresh.dump.outgoing import as_it_is, by_policy
from dmrefresh.dump.reader import read_dump
from dmrefresh.dump.text.limits import Limits
from dmrefresh.dump.writer import write_dump
from dmrefresh.errors import Failure, PublishedButUnfinished
from dmrefresh.jobs.refresh.source import Attempt, Opened, Source
from dmrefresh.keys import signatures
from dmrefresh.machine import signals
from dmrefresh.machine.postgres_programs import find_pg_dump
from dmrefresh.measured import Measured
from dmrefresh.observer import Observer
from dmrefresh.postgres.guard import Guard
from dmrefresh.postgres.reach import connect, session_facts
from dmrefresh.postgres.reach.conninfo import used
from dmrefresh.postgres.receipt import Receipt
from dmrefresh.postgres.scratch import scratch
from dmrefresh.postgres.strategies.publish import Published, publish
from dmrefresh.settings.model import Programs
from dmrefresh.stages.gzip import compress
from dmrefresh.stages.pg_dump import pg_dump
from dmrefresh.stages.prefetch import prefetch
from dmrefresh.stages.spool import Spool, spool
from dmrefresh.stages.upload import copy, sent

_PG_DUMP_OPTIONS = ("--no-owner", "--no-acl")


@dataclass(slots=True)
class _Counting:
    """Counts the rows that go by, and what is left out."""

    tables: dict[str, int] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)
    after_load: list[tuple[str, int]] = field(default_factory=list)

    def rows(self, events: Iterable[Event]) -> Iterator[Event]:
        for event in events:
            if isinstance(event, TableData):
                self.tables[str(event.table)] = self.tables.get(str(event.table), 0) + event.count
            yield event


@dataclass(frozen=True, slots=True)
class Cleaning:
    """A cleaned dump to be made.

    Attributes:
        source: where its rows come from.
        name: the object's name to be.
        store: the bucket.
        scratch: where scratch databases are made.
        script: what is done to the rows once they are loaded.
        programs: those that the settings name.
        limits: how much of the scratch database's dump may be held in memory.
        guard: refuses production as the scratch server.
        slip: what a receipt would say: the run, the dump, the ruleset, by whom.
        observer: is told about steps.
    """

    source: Source
    name: str
    store: Store
    scratch: str = field(repr=False)
    script: Script
    programs: Programs
    limits: Limits
    guard: Guard
    slip: Callable[[], Receipt]
    observer: Observer


def store_cleaned(cleaning: Cleaning, opened: Opened, this: Attempt) -> Published:
    """Make the cleaned dump and store it under both names.

    Args:
        cleaning: what is to be made.
        opened: the source, whole and open.
        this: the attempt.

    Raises:
        PublishedButUnfinished: it is stored under its dated name, and could not be under the fixed one.
        Failure: of any other kind; nothing is stored.
    """
    assert opened.keyring is not None, "a cleaned dump is made of production's"
    keyring, counting = opened.keyring, _Counting()

    def mark(sha256: str, size: int) -> Mark:
        slip, made = cleaning.slip(), datetime.now(UTC).isoformat(timespec="seconds")
        rows = sum(counting.tables.values())
        return Mark(cleaning.name, slip.dump, slip.ruleset, rows, made, slip.run, __version__, sha256, size)

    signatures.sign(keyring, b"can it?")  # better known now than once all is done
    with contextlib.ExitStack() as stack:
        text = _text(cleaning, opened, this, counting, stack)
        signed = write_mark(text, mark, lambda data: signatures.sign(keyring, data))
        kept = stack.enter_context(spool(cleaning.source.dump.size))
        measured = Measured()
        for _ in kept.keep(measured.all_of(prefetch(this.stopwatch.timed("gzip", compress(signed))))):
            pass
        cleaning.observer.step("cleaned")
        stored = _store(cleaning, kept, measured.size, measured.sha256, this, sum(counting.tables.values()))
    return Published(
        rows=sum(counting.tables.values()),
        tables=counting.tables,
        left_out=counting.left_out,
        strategy="s3",
        after_load=counting.after_load,
        stored=stored,
    )


def _text(
    cleaning: Cleaning, opened: Opened, this: Attempt, counting: _Counting, stack: contextlib.ExitStack
) -> Iterator[bytes]:
    """The plain text of the cleaned dump, without its mark."""
    if not cleaning.script:
        return write_dump(counting.rows(by_policy(opened.events, counting.left_out)))
    events = iter(opened.events)
    head = next(events)
    assert isinstance(head, Head), "the Head comes first"
    place, programs = cleaning.scratch, cleaning.programs
    url = stack.enter_context(scratch(place, head.major, cleaning.guard, cleaning.observer, postgres=programs.postgres))
    with connect.session(url) as connection:
        login, major = used(connection), session_facts.major(connection)
    program = find_pg_dump(major, programs.pg_dump)
    cleaning.observer.note(f"a scratch database of PostgreSQL {major} takes the sanitised rows")
    slip = cleaning.slip()
    done = publish(
        chain([head], events),
        url,
        cleaning.slip,
        run=slip.run,
        strategy="scratch",
        script=cleaning.script,
        observer=cleaning.observer,
        stopwatch=this.stopwatch,
    )
    counting.left_out.update(done.left_out)
    counting.after_load += done.after_load
    dumped = this.stopwatch.timed("pg_dump", pg_dump(program.path, login, _PG_DUMP_OPTIONS))
    return write_dump(counting.rows(as_it_is(read_dump(dumped, limits=cleaning.limits))))


def _store(cleaning: Cleaning, kept: Spool, size: int, sha256: str, this: Attempt, rows: int) -> tuple[str, ...]:
    """Store the file under both names; returns them."""
    store, slip = cleaning.store, cleaning.slip()
    facts = {
        "source": slip.dump,
        "ruleset": slip.ruleset,
        "dmrefresh": __version__,
        "rows": str(rows),
        "run": slip.run,
        "by": slip.published_by,
    }
    with (
        this.stopwatch.measure("upload"),
        sent(store, cleaning.name, kept.reader(), size, sha256, facts) as parts,
        # From here on the outcome is S3's: no signal may hide it.
        signals.held_from_here(),
    ):
        cleaning.observer.step("storing")
        stored = parts.complete()
        cleaning.observer.step("stored")
        try:
            copy(store, stored, LATEST_CLEANED, facts)
        except Failure as failure:
            raise PublishedButUnfinished(
                f"The cleaned dump is stored, but {LATEST_CLEANED} could not be renewed: {failure.what}",
                hint="run it again",
                state=f"{cleaning.name} in the bucket {store.bucket} is whole and can be used.",
            ) from None
    return cleaning.name, LATEST_CLEANED
