"""fetch: a dump's ciphertext from S3, every byte of it and of no other object."""

from __future__ import annotations

import contextlib
import hashlib
import random
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from dmrefresh.bucket.store import DumpRef, Gone, Replaced, Store, translated
from dmrefresh.errors import DumpDamaged, NoSuchDump, SourceUnreachable
from dmrefresh.stages.s3_checksum import KeptChecksum

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef

_BLOCK = 256 << 10
_LITTLE = 64 << 10
"""Less than so many bytes within the seconds that S3 may be silent are as good as none."""
_FRUITLESS = 6
"""How often in a row a download may come to nothing before it is given up."""
_CRUMBS = 10
"""So many connections in a row that together bring next to nothing are as good as one that brings none."""


def fetch(store: Store, dump: DumpRef) -> Iterator[bytes]:
    """Yield the object's bytes; where the connection breaks, go on from the byte reached.

    A resumed read asks for the same version and the same content, so two objects are never spliced. What is silent for
    `store.silence` seconds, or brings next to nothing in that time, is as good as broken.

    Raises:
        Gone: the object was deleted since it was found.
        Replaced: there is another object of that name by now.
        SourceRefused: S3 says no; nothing heals that by itself.
        SourceUnreachable: S3 does not answer, or not as it must; often enough in a row.
        DumpDamaged: the bytes are not those that the backup noted, or that S3 keeps a checksum of.
    """
    position, patience = 0, _Patience(store, dump)
    digest, kept = hashlib.sha256(), None
    while position < dump.size:
        try:
            answer = _opened(store, dump, position)
        except SourceUnreachable as failure:
            if isinstance(failure, Replaced) or not failure.retry:
                raise
            patience.wait(position, 0, failure)
            continue
        before, reading = position, _Reading(answer["Body"], store.silence)
        with contextlib.closing(answer["Body"]):
            _held_to(dump, position, answer)
            kept = kept or KeptChecksum(answer)
            for block in reading.blocks():
                position += len(block)
                if position > dump.size:
                    raise DumpDamaged(f"{dump.key} has {dump.size} bytes, but more were received.")
                digest.update(block)
                kept.update(block)
                yield block
        if position < dump.size:
            patience.wait(position, position - before, None, stood_still=reading.stood_still)
    if dump.sha256 is not None and digest.hexdigest() != dump.sha256.lower():
        raise DumpDamaged(
            f"{dump.key} is damaged: its SHA-256 is not the one that is noted with it, or beside it.",
            hint="do not rely on it: take another (dmrefresh dumps lists them), and look at who wrote this one",
        )
    if kept is not None and not kept.holds:
        raise DumpDamaged(f"{dump.key} is damaged: its bytes do not fit the checksum that S3 keeps.")


def _opened(store: Store, dump: DumpRef, position: int) -> GetObjectOutputTypeDef:
    request = {"Bucket": dump.bucket, "Key": dump.key, "IfMatch": dump.etag}
    if dump.version_id is not None:
        request["VersionId"] = dump.version_id
    request |= {"Range": f"bytes={position}-"} if position else {"ChecksumMode": "ENABLED"}
    try:
        with translated(dump.key):
            return store.reader.get_object(**request)  # type: ignore[arg-type]
    except NoSuchDump:
        raise Gone(f"{dump.key} was deleted since it was found.", hint="run it again") from None


def _held_to(dump: DumpRef, position: int, answer: GetObjectOutputTypeDef) -> None:
    """See that what S3 is about to send is the rest of this very object.

    Raises:
        Replaced: it is of another one.
        SourceUnreachable: it is not the rest: a store that ignores the range would send the beginning again.
    """
    another = Replaced(f"{dump.key} is not what it was when it was found.", hint="run it again")
    if answer.get("ETag", dump.etag) != dump.etag:
        raise another
    if not position:
        if answer.get("ContentLength", dump.size) != dump.size:
            raise another
        return
    which, _, total = answer.get("ContentRange", "").rpartition("/")
    if total.isdigit() and int(total) != dump.size:
        raise another
    if which != f"bytes {position}-{dump.size - 1}":
        raise SourceUnreachable(f"S3 did not resume {dump.key} at byte {position}.")


class _Patience:
    """How often in a row nothing came, and the wait before S3 is asked again."""

    def __init__(self, store: Store, dump: DumpRef) -> None:
        self._dump = dump
        self._first = store.silence / 60
        self._fruitless = 0
        self._broken, self._crumbs = 0, 0
        """Connections since something worth while came, and the bytes that these have brought."""

    def wait(
        self, position: int, brought: int, failure: SourceUnreachable | None, *, stood_still: bool = False
    ) -> None:
        """Wait before going on at `position`; longer each time that nothing came, and not at all after a good read.

        Raises:
            SourceUnreachable: nothing came too often in a row.
        """
        self._broken, self._crumbs = self._broken + 1, self._crumbs + brought
        if self._crumbs >= _LITTLE:
            self._fruitless = self._broken = self._crumbs = 0
            return
        if stood_still or not brought or self._broken >= _CRUMBS:
            self._fruitless += 1
            self._broken = self._crumbs = 0
        if self._fruitless >= _FRUITLESS:
            raise self._given_up(position, failure)
        time.sleep(self._first * 2.0 ** max(self._fruitless - 1, 0) * random.uniform(0.5, 1.5))

    def _given_up(self, position: int, failure: SourceUnreachable | None) -> SourceUnreachable:
        if failure is not None and not position:
            return failure
        why = failure.what if failure is not None else "The connection brings nothing."
        return SourceUnreachable(
            f"The download of {self._dump.key} stands still at byte {position} of {self._dump.size}. {why}",
            hint=failure.hint if failure is not None else "is the network up?",
        )


class _Reading:
    """An answer that is being read; `stood_still` says that it was given up for bringing next to nothing.

    Args:
        body: of the answer.
        silence: the seconds in which something has to come.
    """

    def __init__(self, body: StreamingBody, silence: float) -> None:
        # botocore's own read returns nothing before a whole block is there, and loses what came of it when it breaks.
        self._read = body._raw_stream.read1  # type: ignore[attr-defined]
        self._silence = silence
        self._waited, self._meanwhile = 0.0, 0
        self.stood_still = False

    def blocks(self) -> Iterator[bytes]:
        """Yield all that comes, up to the end or to where it breaks off."""
        from urllib3.exceptions import HTTPError, ReadTimeoutError

        over = False
        while not over:
            block = bytearray()
            try:
                while not over and len(block) < _BLOCK:
                    piece = self._piece()
                    block += piece
                    over = not piece or self.stood_still
            except (ReadTimeoutError, TimeoutError):
                over = self.stood_still = True
            except (HTTPError, OSError):
                over = True
            if block:
                yield bytes(block)

    def _piece(self) -> bytes:
        """What is there next; only the time that is spent waiting for S3 counts."""
        began = time.monotonic()
        piece: bytes = self._read(_BLOCK, decode_content=False)
        self._waited += time.monotonic() - began
        self._meanwhile += len(piece)
        if self._waited >= self._silence:
            self.stood_still = self._meanwhile < _LITTLE
            self._waited, self._meanwhile = 0.0, 0
        return piece
