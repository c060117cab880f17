"""A refresh from production's encrypted dump: decrypted twice, once for gpg's verdict alone, and sanitised."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import ClassVar

from dmrefresh.bucket.cache import Cache
from dmrefresh.bucket.store import DumpRef, Store
from dmrefresh.dump.events import Event, Head, head_of
from dmrefresh.dump.judging.against_note import held_to_note
from dmrefresh.dump.reader import read_dump
from dmrefresh.dump.sanitise import sanitise
from dmrefresh.dump.shared_out import NONE, Fellows
from dmrefresh.dump.text.limits import Limits
from dmrefresh.jobs.refresh.cached import fetched
from dmrefresh.jobs.refresh.source import READ_FIRST, Attempt, Opened
from dmrefresh.jobs.refresh.verifying import verify
from dmrefresh.jobs.rulesets.beside import fellows
from dmrefresh.jobs.rulesets.rules import refuse_gone
from dmrefresh.keys.private import KeyFiles, private_keyring
from dmrefresh.observer import Observer
from dmrefresh.stages.gpg import decrypt
from dmrefresh.stages.gzip import Trailer, gunzip
from dmrefresh.stages.prefetch import prefetch
from dmrefresh.stages.received import receiving
from dmrefresh.stages.s3 import fetch
from dmrefresh.stages.spool import spool
from sanitisers import Ruleset, Sanitiser


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
    processes: int | None = None
    """How many processes sanitise, this one among them; where nobody has said so, one or two, see `fellows`."""

    @contextmanager
    def opened(self, this: Attempt, observer: Observer, *, verify_first: bool) -> Iterator[Opened]:
        """See `Source`. gpg's verdict comes last, so the whole is decrypted once for it alone."""
        observer.watch(this.stopwatch, self.dump.size)
        timed = this.stopwatch.timed
        with (
            spool(self.dump.size) as kept,
            fetched(self.cache, self.store, self.dump, observer) as copy,
            receiving(copy.blocks(), self.dump.sha256, kept.sha256) as received,
            private_keyring(self.keys) as keyring,
            fellows(self.processes, remote=this.remote) as beside,
        ):
            observer.note("the private key is in a throw-away keyring in memory")
            ciphertext, trailer = kept.keep(timed("fetch", received)), Trailer()
            packed = decrypt(ciphertext, keyring, signed=self.signed, on_warning=lambda said: this.warn(observer, said))
            verified = timed("verify", trailer.of(packed))
            if verify_first:
                observer.note(READ_FIRST)
                first = read_dump(gunzip(verified), limits=self.limits)
                verify(self._sanitised(first, this, observer, beside), verified)
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
            clean = this.stopwatch.awaited(prefetch(timed("sanitise", self._sanitised(read, this, observer, beside))))
            yield Opened(this.noting(clean), keyring)

    def head(self) -> Head:
        """See `Source`."""
        with (
            private_keyring(self.keys) as keyring,
            contextlib.closing(decrypt(fetch(self.store, self.dump), keyring, signed=self.signed)) as plain,
        ):
            return head_of(read_dump(gunzip(plain), limits=self.limits))

    def check_head(self, head: Head, observer: Observer) -> None:
        """See `Source`."""
        for _ in self._sanitised([head], Attempt(1), observer):
            pass

    def _sanitised(
        self, events: Iterable[Event], this: Attempt, observer: Observer, beside: Fellows = NONE
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
            fellows=beside,
        )
