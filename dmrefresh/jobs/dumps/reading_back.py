"""A stored dump read back: that version of the object, every byte, to the end marker, every row."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from dmrefresh import __version__
from dmrefresh.bucket.store import DumpRef, Store
from dmrefresh.bucket.verified import Verified
from dmrefresh.dump.judging.against_note import held_to_note, refuse_other_rows
from dmrefresh.dump.reader import read_dump
from dmrefresh.dump.text.limits import Limits
from dmrefresh.errors import DumpDamaged, DumpRefused
from dmrefresh.jobs.dumps.contents import contents_of
from dmrefresh.jobs.dumps.key_pair import naming_keys
from dmrefresh.keys.private import KeyFiles, Keyring, private_keyring
from dmrefresh.machine import process
from dmrefresh.measured import Measured
from dmrefresh.observer import Observer
from dmrefresh.report.model import Contents
from dmrefresh.settings.model import Job
from dmrefresh.stages.gpg import decrypt
from dmrefresh.stages.gzip import MAGIC, gunzip
from dmrefresh.stages.prefetch import prefetch
from dmrefresh.stages.received import receiving
from dmrefresh.stages.s3 import fetch
from dmrefresh.stopwatch import Stopwatch


@dataclass(frozen=True, slots=True)
class Stored:
    """An object in the bucket, and what opens it.

    Attributes:
        store, dump: where it is; its SHA-256 is held against what is read, where it is known.
        keys: the private key's files.
        limits: how much of it may be held in memory.
        signed: whether the private key must have signed it.
        doubts: what is to be said of it first, in sentences.
        job: how often it is begun again where that may help.
    """

    store: Store
    dump: DumpRef
    keys: KeyFiles
    limits: Limits
    signed: bool = False
    doubts: tuple[str, ...] = ()
    job: Job = field(default_factory=Job)


@dataclass(frozen=True, slots=True)
class ReadBack:
    """A dump that was read back: what is noted beside it, and what it holds."""

    verified: Verified
    contents: Contents


def opens(stored: Stored) -> None:
    """See that the private key opens it, which gpg shows by handing anything out; whether it is whole, nobody knows.

    Raises:
        KeyUnusable: it does not, or is not at hand.
        DumpDamaged: what comes out is not how a backup begins.
        SourceUnreachable: S3 does not answer, or refuses.
    """
    with _keyring(stored) as keyring, contextlib.closing(decrypt(fetch(stored.store, stored.dump), keyring)) as blocks:
        beginning = b""
        while len(beginning) < len(MAGIC) and (block := next(blocks, b"")):
            beginning += block
        if not beginning.startswith(MAGIC):
            raise DumpDamaged("The decrypted dump is not gzip data.")


def read_back(
    stored: Stored,
    observer: Observer,
    *,
    sent: Mapping[str, int] | None = None,
    refusing: bool = False,
    stopwatch: Stopwatch | None = None,
) -> ReadBack:
    """Read the object to its end marker, and count its rows.

    Args:
        stored: the object.
        observer: is told about rows, and why a refresh would refuse what is whole.
        sent: how many rows of each table pg_dump sent, where that is known here.
        refusing: what a refresh would refuse is a failure; else it is one that the dump is a backup of another name,
            since what comes of this is noted.
        stopwatch: is charged the seconds.

    Raises:
        DumpDamaged: it is not whole, or not what was stored, or its rows are not those that were sent, or that it
            says it has.
        DumpRefused: it cannot be read, or a table's rows are not in it.
        KeyUnusable: the private key does not open it, or is not at hand.
        SourceUnreachable: S3 does not answer, or refuses.
    """
    heard, stopwatch = Measured(), stopwatch or Stopwatch()
    observer.watch(stopwatch, stored.dump.size)
    with (
        stopwatch.measure("read back"),
        receiving(fetch(stored.store, stored.dump), stored.dump.sha256, partial(_heard_to_the_end, heard)) as received,
        _keyring(stored) as keyring,
    ):
        ciphertext = stopwatch.timed("read back", heard.all_of(received), charged=False)
        plain = _Plain(decrypt(ciphertext, keyring, signed=stored.signed))
        with contextlib.closing(prefetch(plain.text())) as text:
            events = held_to_note(
                read_dump(text, limits=stored.limits),
                key=stored.dump.key,
                signed=stored.signed,
                strict=not refusing,
                on_warning=observer.warn,
            )
            with plain.verdict_first(text):
                contents = contents_of(events, observer, refusing=refusing)
    if heard.size != stored.dump.size:
        raise DumpDamaged(f"Something follows the encrypted dump {stored.dump.key}.")
    if sent is not None:
        refuse_other_rows(stored.dump.key, contents.tables, sent, "pg_dump sent")
    if contents.refused is not None:
        observer.warn(f"the backup is whole, and a refresh would refuse it: {contents.refused}")
    return ReadBack(_verified(stored, heard, contents), contents)


class _Plain:
    """What is decrypted, unpacked in a thread of its own; damage may look like anything by the time it is text.

    Args:
        blocks: as `decrypt` yields them; the thread alone takes them, and closes them.
    """

    def __init__(self, blocks: Generator[bytes]) -> None:
        self._blocks = blocks
        self._verdict: DumpDamaged | None = None
        self._unpacked_in_vain: DumpDamaged | None = None

    def text(self) -> Iterator[bytes]:
        """Yield it; where it cannot be unpacked, gpg's verdict, which comes last, goes first."""
        judged = self._judged()
        with contextlib.closing(self._blocks):
            try:
                yield from gunzip(judged)
            except DumpDamaged as damaged:
                for _ in judged:  # none is left where this was the verdict itself
                    pass
                if damaged is not self._verdict:
                    self._unpacked_in_vain = damaged
                raise

    def _judged(self) -> Iterator[bytes]:
        try:
            yield from self._blocks
        except DumpDamaged as verdict:
            self._verdict = verdict
            raise

    @contextlib.contextmanager
    def verdict_first(self, text: Iterable[bytes]) -> Iterator[None]:
        """Where the block, which reads `text`, finds it wrong, let gpg say first what it thinks of all of it."""
        try:
            yield
        except (DumpDamaged, DumpRefused) as wrong:
            try:
                for _ in text:
                    pass
            except DumpDamaged as damaged:
                if damaged is not self._unpacked_in_vain:
                    raise
            raise wrong from None
        except BaseException:
            process.kill_all()  # else the thread would wait for gpg
            raise


def _heard_to_the_end(heard: Measured, rest: Iterable[bytes]) -> str:
    """The SHA-256 of all of the object."""
    for _ in heard.all_of(rest):
        pass
    return heard.sha256


def _verified(stored: Stored, heard: Measured, contents: Contents) -> Verified:
    return Verified(
        name=stored.dump.key,
        size=heard.size,
        sha256=heard.sha256,
        version_id=stored.dump.version_id,
        rows=contents.tables,
        tool=__version__,
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        signed=stored.signed,
    )


@contextlib.contextmanager
def _keyring(stored: Stored) -> Iterator[Keyring]:
    """The private key's keyring; whatever is still running behind it is ended."""
    try:
        with private_keyring(stored.keys) as keyring, naming_keys(stored.store, stored.dump, keyring):
            yield keyring
    finally:
        process.kill_all()
