"""A refresh from a dump that was cleaned and signed before: its mark is read to be true, and it is read again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

from dmrefresh.bucket.cache import Cache
from dmrefresh.bucket.store import LATEST_CLEANED, DumpRef, Store
from dmrefresh.dump.events import Event, Head, head_of
from dmrefresh.dump.judging.literals import detected
from dmrefresh.dump.mark import Mark, NoMark, read_mark
from dmrefresh.dump.reader import read_dump
from dmrefresh.dump.text.limits import Limits
from dmrefresh.jobs.refresh.cached import fetched
from dmrefresh.jobs.refresh.source import READ_FIRST, Attempt, Opened
from dmrefresh.jobs.refresh.verifying import verify
from dmrefresh.keys import signatures
from dmrefresh.observer import Observer
from dmrefresh.stages.gzip import gunzip
from dmrefresh.stages.prefetch import prefetch
from dmrefresh.stages.received import receiving
from dmrefresh.stages.s3 import fetch
from dmrefresh.stages.spool import spool
from sanitisers import Ruleset


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A dump that was sanitised before, and the public key that tells it from what somebody else put there.

    No secret is needed. The definitions are looked through again, by the ruleset's `literals`.
    """

    READS: ClassVar[str] = "all of it: the cleaned dump is whole, and its mark is true"
    store: Store
    dump: DumpRef
    public_key: Path
    ruleset: Ruleset
    limits: Limits
    cache: Cache | None = None
    """Where a copy of it is kept, once its signature has held."""

    @contextmanager
    def opened(self, this: Attempt, observer: Observer, *, verify_first: bool) -> Iterator[Opened]:
        """See `Source`. The mark stands at the end, so the whole is read once for it alone."""
        observer.watch(this.stopwatch, self.dump.size)
        timed = this.stopwatch.timed
        with (
            spool(self.dump.size) as kept,
            fetched(self.cache, self.store, self.dump, observer) as copy,
            receiving(copy.blocks(), self.dump.sha256, kept.sha256) as received,
        ):
            text = timed("verify", gunzip(kept.keep(timed("fetch", received))))
            this.mark = self._true_mark(text)
            this.stopwatch.expected["gunzip"] = this.stopwatch.flows["verify"].bytes
            observer.note(f"the cleaned dump is whole and signed: made {this.mark.made} of {this.mark.dump}")
            copy.keep(kept.blocks)
            if verify_first:
                observer.note(READ_FIRST)
                again = read_dump(gunzip(kept.blocks()), limits=self.limits)
                verify(detected(again, self.ruleset, lambda _: None), ())
            unpacked = timed("gunzip", gunzip(timed("reread", kept.blocks())))
            read = this.stopwatch.awaited(prefetch(timed("read", read_dump(unpacked, limits=self.limits))))
            yield Opened(this.noting(self._detected(read, this, observer)))

    def head(self) -> Head:
        """See `Source`; the mark stands at the end, so all of it is fetched."""
        with spool(self.dump.size) as kept:
            self._true_mark(gunzip(kept.keep(fetch(self.store, self.dump))))
            return head_of(read_dump(gunzip(kept.blocks()), limits=self.limits))

    def check_head(self, head: Head, observer: Observer) -> None:
        """See `Source`: the definitions are looked through."""
        for _ in self._detected([head], Attempt(1), observer):
            pass

    def _true_mark(self, text: Iterable[bytes]) -> Mark:
        """Read the dump to its end; its mark, which is true."""
        mark = read_mark(text, partial(signatures.check, self.public_key))
        if self.dump.key not in (mark.name, LATEST_CLEANED):
            raise NoMark(f"{self.dump.key} was published under another name, {mark.name}.", hint="take that one")
        return mark

    def _detected(self, events: Iterable[Event], this: Attempt, observer: Observer) -> Iterator[Event]:
        return detected(events, self.ruleset, lambda warning: this.warn(observer, warning))
