"""Where a refresh takes its rows from: production's encrypted dump, or one that was cleaned and signed before.

Either is fetched into a nameless file and proved whole before any of it is believed; then it is read again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol

from dmrefresh.bucket.cache import Cache
from dmrefresh.bucket.store import LATEST_CLEANED, DumpRef, Store
from dmrefresh.dump.events import End, Event, Head
from dmrefresh.dump.judging.against_note import held_to_note
from dmrefresh.dump.judging.literals import detected
from dmrefresh.dump.mark import Mark, NoMark, read_mark
from dmrefresh.dump.reader import read_dump
from dmrefresh.dump.sanitise import sanitise
from dmrefresh.dump.text.limits import Limits
from dmrefresh.errors import DumpDamaged
from dmrefresh.jobs.refresh.cached import fetched
from dmrefresh.jobs.refresh.verifying import verify
from dmrefresh.jobs.rulesets.reading_aside import reading_aside
from dmrefresh.jobs.rulesets.rules import refuse_gone
from dmrefresh.keys import signatures
from dmrefresh.keys.private import KeyFiles, Keyring, private_keyring
from dmrefresh.machine.aside import cores
from dmrefresh.observer import Observer, Stopwatch
from dmrefresh.stages.gpg import decrypt
from dmrefresh.stages.gzip import Trailer, gunzip
from dmrefresh.stages.prefetch import prefetch
from dmrefresh.stages.received import receiving
from dmrefresh.stages.s3 import fetch
from dmrefresh.stages.spool import spool
from sanitisers import Known, Ruleset, Sanitiser

if TYPE_CHECKING:
    from sanitisers.leaks.reading import Reads

_LARGE, _SPARE = 4 << 20, 2
"""Bytes of a dump, as it is stored, from which on it pays to read aside; and the cores that a server of this machine
and we are busy with: more are to spare."""
_READ_FIRST = "the whole dump is read and sanitised once before the target sees a byte (verify_first)"


@dataclass(slots=True)
class Attempt:
    """What one attempt found out on its way.

    Attributes:
        number: from 1 on.
        known: what was found out about the tables of the target.
        remote: what comes of it may leave this machine.
        stopwatch: seconds by stage.
        sanitiser: what counts the values replaced; None where that was done before.
        mark: of a cleaned dump.
        end: the dump's End, once it was reached.
    """

    number: int
    known: Known | None = None
    remote: bool = True
    stopwatch: Stopwatch = field(default_factory=Stopwatch)
    sanitiser: Sanitiser | None = None
    mark: Mark | None = None
    end: End | None = None
    _warned: set[str] = field(default_factory=set)

    def noting(self, events: Iterable[Event]) -> Iterator[Event]:
        """The events, noting the End."""
        for event in events:
            if isinstance(event, End):
                self.end = event
            yield event

    def warn(self, observer: Observer, warning: str) -> None:
        """Warn once: a dump that is read twice would say it twice."""
        if warning not in self._warned:
            self._warned.add(warning)
            observer.warn(warning)

    @property
    def fingerprint(self) -> str:
        """Of the ruleset, the pools and the key that the rows were sanitised with."""
        if self.mark is not None:
            return self.mark.ruleset
        assert self.sanitiser is not None, "the Head comes first"
        return self.sanitiser.fingerprint


@dataclass(frozen=True, slots=True)
class Opened:
    """A dump that is whole: what is to be published, once; and the private key's keyring, where it was needed."""

    events: Iterator[Event]
    keyring: Keyring | None = None


class Source(Protocol):
    """A dump in a bucket, and how to get rows that may be published out of it. READS is what `head` reads."""

    READS: ClassVar[str]

    @property
    def store(self) -> Store:
        """The bucket."""

    @property
    def dump(self) -> DumpRef:
        """The dump in it."""

    def opened(
        self, this: Attempt, observer: Observer, *, verify_first: bool
    ) -> contextlib.AbstractContextManager[Opened]:
        """Fetch the dump and prove it whole.

        Args:
            this: the attempt, which notes what is found.
            observer: is told about steps.
            verify_first: read everything that would be published once, and do nothing with it.

        Raises:
            Failure: it cannot be fetched, or is not whole, or would be refused.
        """

    def head(self) -> Head:
        """Everything before the first row; the download ends there.

        Raises:
            Failure: it cannot be read.
        """

    def check_head(self, head: Head, observer: Observer) -> None:
        """Hold what is before the first row against the ruleset.

        Raises:
            NotSanitised: something is not covered, or the definitions hold what looks personal.
        """


@dataclass(frozen=True, slots=True)
class Encrypted:
    """A dump of production, and what opens and cleans it."""

    READS: ClassVar[str] = (
        "only what comes before the first row; whether the dump is whole, and signed where it must be, check-dump tells"
    )
    store: Store
    dump: DumpRef
    keys: KeyFiles
    ruleset: Ruleset
    sanitiser_key: bytes = field(repr=False)
    limits: Limits
    strict: bool = False
    """A rule for what is gone stops the run."""
    signed: bool = False
    """The backups' own key must have signed it; that, too, gpg says only at the end."""
    cache: Cache | None = None
    """Where a copy of it is kept, once gpg has verified it."""
    threads: int = 1
    """Blocks of rows that are sanitised at a time."""
    aside: bool | None = None
    """What is looked at for leaks is read aside; where nobody has said so, it is where that pays."""

    @contextmanager
    def opened(self, this: Attempt, observer: Observer, *, verify_first: bool) -> Iterator[Opened]:
        """See `Source`. gpg's verdict comes last, so the whole is decrypted once for it alone."""
        observer.watch(this.stopwatch, self.dump.size)
        timed = this.stopwatch.timed
        aside = reads_aside(self.dump.size, remote=this.remote) if self.aside is None else self.aside
        with (
            spool(self.dump.size) as kept,
            fetched(self.cache, self.store, self.dump, observer) as copy,
            receiving(copy.blocks(), self.dump.sha256, kept.sha256) as received,
            private_keyring(self.keys) as keyring,
            reading_aside(wanted=aside) as reads,
        ):
            observer.note("the private key is in a throw-away keyring in memory")
            ciphertext, trailer = kept.keep(timed("fetch", received)), Trailer()
            packed = decrypt(ciphertext, keyring, signed=self.signed, on_warning=lambda said: this.warn(observer, said))
            verified = timed("verify", trailer.of(packed))
            if verify_first:
                observer.note(_READ_FIRST)
                first = read_dump(gunzip(verified), limits=self.limits)
                verify(self._sanitised(first, this, observer, reads), verified)
            for _ in verified:
                pass  # nothing of it is believed before gpg's verdict
            this.stopwatch.expected["gunzip"] = trailer.length
            observer.note(
                f"the dump is whole: gpg has verified every byte{', and the signature' if self.signed else ''}"
            )
            copy.keep(kept.blocks)
            # The plain text exists in memory only, a few blocks at a time.
            text = timed(
                "gunzip", gunzip(timed("decrypt", decrypt(timed("reread", kept.blocks()), keyring, signed=self.signed)))
            )
            read = this.stopwatch.awaited(prefetch(timed("read", read_dump(text, limits=self.limits))))
            clean = this.stopwatch.awaited(prefetch(timed("sanitise", self._sanitised(read, this, observer, reads))))
            yield Opened(this.noting(clean), keyring)

    def head(self) -> Head:
        """See `Source`."""
        with (
            private_keyring(self.keys) as keyring,
            contextlib.closing(decrypt(fetch(self.store, self.dump), keyring, signed=self.signed)) as plain,
        ):
            return _head(read_dump(gunzip(plain), limits=self.limits))

    def check_head(self, head: Head, observer: Observer) -> None:
        """See `Source`."""
        for _ in self._sanitised([head], Attempt(1), observer):
            pass

    def _sanitised(
        self, events: Iterable[Event], this: Attempt, observer: Observer, reads: Reads | None = None
    ) -> Iterator[Event]:
        def warn(warning: str) -> None:
            this.warn(observer, warning)

        def ready(sanitiser: Sanitiser) -> None:
            this.sanitiser = sanitiser
            if self.strict:
                refuse_gone(sanitiser)
            for warning in sanitiser.warnings:
                warn(warning)

        return sanitise(
            held_to_note(events, key=self.dump.key, signed=self.signed, on_warning=warn),
            self.ruleset,
            self.sanitiser_key,
            known=this.known,
            remote=this.remote,
            on_ready=ready,
            on_warning=warn,
            threads=self.threads,
            reads=reads,
        )


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
                observer.note(_READ_FIRST)
                again = read_dump(gunzip(kept.blocks()), limits=self.limits)
                verify(detected(again, self.ruleset, lambda _: None), ())
            unpacked = timed("gunzip", gunzip(timed("reread", kept.blocks())))
            read = this.stopwatch.awaited(prefetch(timed("read", read_dump(unpacked, limits=self.limits))))
            yield Opened(this.noting(self._detected(read, this, observer)))

    def head(self) -> Head:
        """See `Source`; the mark stands at the end, so all of it is fetched."""
        with spool(self.dump.size) as kept:
            self._true_mark(gunzip(kept.keep(fetch(self.store, self.dump))))
            return _head(read_dump(gunzip(kept.blocks()), limits=self.limits))

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


def _head(events: Iterable[Event]) -> Head:
    head = next(iter(events), None)
    if not isinstance(head, Head):
        raise DumpDamaged("The dump holds nothing.")
    return head


def reads_aside(size: int, *, remote: bool) -> bool:
    """Whether it pays to read aside: what is waited for is sanitising, where the server does not want the same cores.

    Args:
        size: of the dump, as it is stored (bytes).
        remote: the target is on another machine.
    """
    return size >= _LARGE and (remote or cores() > _SPARE)
