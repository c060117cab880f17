"""streamed: bytes of which nobody knows the number into a bucket, as an object of a new name, or as nothing at all."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING
from uuid import uuid4

from dmrefresh.bucket.store import DumpRef, NoCredentials, SourceRefused, Store, pinned, translated
from dmrefresh.errors import BackupNotStored, Busy, CommitInDoubt, DumpDamaged, Failure, NoSuchDump
from dmrefresh.machine import signals
from dmrefresh.machine.apart import Apart
from dmrefresh.measured import Measured
from dmrefresh.stages.multipart import Multipart, completed, multipart

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import HeadObjectOutputTypeDef

_FIRST_PART = 16 << 20
_PARTS_OF_A_SIZE = 1250
"""After so many parts they get twice as large: 10,000 of them hold 5 TB, and a part of 160 GB has 64 MiB."""
_AT_ONCE = 2
_FAREWELL = 2.0
"""Seconds for which a part is waited for that was under way when the run was ended."""
_OURS = "upload"
"""Under this name it is noted with the object which upload it comes from."""


@dataclass(frozen=True, slots=True)
class Streamed:
    """A stream that was sent to its end; `complete` makes it an object. Make it with `streamed`.

    Args:
        store, key: the bucket, and the object's name to be.
        size, sha256: bytes, and their digest in hexadecimal.
        name: by which the upload is told from any other.
        parts: in which it was sent.
    """

    store: Store
    key: str
    size: int
    sha256: str
    name: str
    parts: Multipart

    def complete(self) -> DumpRef:
        """Make it an object, and see that it is there.

        Returns:
            the object, pinned to its version, with the digest of what was sent.

        Raises:
            Busy: another run has stored something under that name meanwhile; it was left as it is.
            BackupNotStored: S3 refuses, or does not answer; nothing is stored.
            CommitInDoubt: S3 does not say whether it is stored.
            DumpDamaged: it is stored, but not as it was sent.
        """
        head = completed(self.parts, self._complete, self._look, self._in_doubt)
        if head is None:
            raise BackupNotStored(f"{self.key} is gone from the bucket {self.store.bucket} at once.")
        if head["Metadata"].get(_OURS) != self.name:
            raise _taken(self.store, self.key)
        if head["ContentLength"] != self.size or head.get("ChecksumSHA256", self.parts.checksum) != self.parts.checksum:
            raise DumpDamaged(
                f"{self.key} in the bucket {self.store.bucket} is not what was sent.",
                state="It is stored, and of no use.",
                hint="have it deleted, and run the backup again",
            )
        return replace(pinned(self.store.bucket, self.key, head), sha256=self.sha256)

    def _complete(self) -> str | None:
        with of_the_backup(self.store):
            return self.parts.complete(only_if_new=True)

    def _look(self, version: str | None) -> HeadObjectOutputTypeDef | None:
        try:
            return _head(self.store, self.key, version)
        except Failure:
            raise self._in_doubt() from None

    def _in_doubt(self) -> CommitInDoubt:
        return CommitInDoubt(
            f"S3 does not say whether {self.key} is stored in the bucket {self.store.bucket}.",
            state="It is stored whole, or not at all.",
            hint="look at the bucket: dmrefresh dumps",
        )


@contextlib.contextmanager
def streamed(store: Store, key: str, blocks: Iterable[bytes], facts: Mapping[str, str]) -> Iterator[Streamed]:
    """Send a stream in parts; unless it is completed in the block, they are thrown away.

    Three parts are in memory at most, two of them under way: of 16 MiB each, and larger ones of what is larger than
    20 GB. An exception raised in making the blocks is raised here, and so is the first in sending them.

    Args:
        store: the bucket.
        key: the object's name to be, which is new: what has it is never replaced, where the store knows conditions.
        blocks: are pulled to their end on entering the block.
        facts: what is noted with the object; ASCII.

    Raises:
        Busy: there is an object of that name.
        BackupNotStored: S3 refuses, or does not answer.
    """
    with of_the_backup(store):
        there = _head(store, key)
    if there is not None:
        raise _taken(store, key)
    name, whole = uuid4().hex, _Parted(blocks)
    with contextlib.ExitStack() as stack:
        with of_the_backup(store):
            metadata = {**facts, _OURS: name}
            parts = stack.enter_context(multipart(store, key, metadata, "application/octet-stream"))
        _send(store, parts, whole)
        if not whole.measured.size:
            raise BackupNotStored(f"Nothing came that could be stored as {key}.")
        yield Streamed(store, key, whole.measured.size, whole.measured.sha256, name, parts)


class _Parted:
    """Blocks as parts, each of its own size; measured on the way."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self.blocks = blocks
        self.measured = Measured()

    def parts(self) -> Iterator[bytes]:
        held, number = bytearray(), 1
        for block in self.measured.all_of(self.blocks):
            held += block
            while len(held) >= (length := part_size(number)):
                with memoryview(held) as view:
                    part = bytes(view[:length])
                del held[:length]
                yield part
                number += 1
        if held:
            yield bytes(held)


def part_size(number: int) -> int:
    """The bytes of a part, of which the first has the number 1."""
    return _FIRST_PART << (number - 1) // _PARTS_OF_A_SIZE


def _send(store: Store, parts: Multipart, whole: _Parted) -> None:
    """Send all there is; when it ends, well or not, no part is under way any more, unless the run was ended and S3
    does not answer."""

    def put(number: int, block: bytes) -> None:
        with of_the_backup(store):
            parts.put(number, block)

    under_way: deque[Apart[None]] = deque()
    try:
        for number, block in enumerate(whole.parts(), 1):
            if len(under_way) >= _AT_ONCE:
                under_way[0].result()
                under_way.popleft()
            with signals.held():
                under_way.append(Apart(partial(put, number, block), "dmrefresh-upload"))
        for part in under_way:
            part.result()
    finally:
        with contextlib.ExitStack() as stack:
            for part in under_way:
                stack.callback(part.leave, _FAREWELL)


def _head(store: Store, key: str, version: str | None = None) -> HeadObjectOutputTypeDef | None:
    """What S3 says of an object, or None where there is none."""
    which = {"VersionId": version} if version else {}
    try:
        with translated(f"{key} in the bucket {store.bucket}"):
            return store.client.head_object(Bucket=store.bucket, Key=key, ChecksumMode="ENABLED", **which)  # type: ignore[arg-type]
    except NoSuchDump:
        return None


def _taken(store: Store, key: str) -> Busy:
    return Busy(
        f"There is a {key} in the bucket {store.bucket} already, which another run has stored.",
        state="That one was left as it is, and this run has stored nothing.",
        hint="a backup's name says the minute it begins in: run it again in the next one",
    )


@contextlib.contextmanager
def of_the_backup(store: Store) -> Iterator[None]:
    """Inside the block, what S3 says is about a backup that is stored, and not about a dump that is fetched.

    Raises:
        BackupNotStored: of every kind; where it may heal by itself, `retry` says so.
    """
    try:
        yield
    except NoCredentials as failure:
        raise BackupNotStored(failure.what, hint=failure.hint) from None
    except SourceRefused as refused:
        rights = "storing a backup takes PutObject, PutObjectAcl, AbortMultipartUpload, GetObject and ListBucket"
        raise BackupNotStored(refused.what, hint=f"{rights} on the bucket {store.bucket}") from None
    except Failure as failure:
        hint = "run it again" if failure.retry else "look at [dumps] in dmrefresh.toml"
        raise BackupNotStored(failure.what, hint=hint, retry=failure.retry) from None
