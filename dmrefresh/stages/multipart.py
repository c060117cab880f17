"""An object that is sent in parts, which nobody sees before one request makes them an object."""

from __future__ import annotations

import base64
import contextlib
import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from dmrefresh.bucket.store import ACL, Store, translated
from dmrefresh.errors import CommitInDoubt, Failure
from dmrefresh.machine import signals
from dmrefresh.machine.apart import Apart

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

T = TypeVar("T")

_FAREWELL = 10.0
"""Seconds in which S3 may throw parts away, once the run was ended."""
MOST_PARTS = 10_000
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html"""


@dataclass
class Multipart:
    """Parts of an object to be; make it with `multipart`. Parts may be sent by several threads.

    Args:
        store, key: the bucket, and the object's name to be.
        upload_id: S3's name for the parts.
    """

    store: Store
    key: str
    upload_id: str
    _parts: dict[int, CompletedPartTypeDef] = field(default_factory=dict)
    _digests: dict[int, bytes] = field(default_factory=dict)
    _done: bool = False

    def put(self, number: int, block: bytes) -> None:
        """Send a part, the first of which has the number 1; S3 compares its SHA-256. Raises as `translated`."""
        digest = hashlib.sha256(block).digest()
        with translated(f"bucket {self.store.bucket}"):
            answer = self.store.client.upload_part(
                Bucket=self.store.bucket,
                Key=self.key,
                UploadId=self.upload_id,
                PartNumber=number,
                Body=block,
                ChecksumSHA256=base64.b64encode(digest).decode(),
            )
        part: CompletedPartTypeDef = {"ETag": answer["ETag"], "PartNumber": number}
        if "ChecksumSHA256" in answer:
            part["ChecksumSHA256"] = answer["ChecksumSHA256"]
        self._parts[number], self._digests[number] = part, digest

    def complete(self, *, only_if_new: bool = False) -> str | None:
        """Make the parts an object.

        Args:
            only_if_new: S3 refuses where there is an object of that name.

        Returns:
            its version, where the bucket keeps versions.

        Raises:
            Failure: as `translated`; the object may be there all the same, if the answer was lost.
        """
        condition = {"IfNoneMatch": "*"} if only_if_new else {}
        with translated(f"bucket {self.store.bucket}"):
            answer = self.store.client.complete_multipart_upload(
                Bucket=self.store.bucket,
                Key=self.key,
                UploadId=self.upload_id,
                MultipartUpload={"Parts": [self._parts[number] for number in sorted(self._parts)]},
                **condition,  # type: ignore[arg-type]
            )
        self._done = True
        return answer.get("VersionId")

    @property
    def checksum(self) -> str:
        """What S3 calls the SHA-256 of the object: that of the digests of its parts."""
        digests = b"".join(self._digests[number] for number in sorted(self._digests))
        return f"{base64.b64encode(hashlib.sha256(digests).digest()).decode()}-{len(self._digests)}"

    def abort(self) -> bool:
        """Throw the parts away, unless they were made an object. Where S3 does not answer, they may stay.

        Returns:
            whether S3 has said that they are no parts any more: then no request can make an object of them.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        if not self._done:
            try:
                self.store.client.abort_multipart_upload(
                    Bucket=self.store.bucket, Key=self.key, UploadId=self.upload_id
                )
            except ClientError as error:
                return error.response.get("Error", {}).get("Code") in ("NoSuchUpload", "404")
            except (BotoCoreError, OSError):
                return False
        self._done = True
        return True


def completed(
    parts: Multipart,
    complete: Callable[[], str | None],
    look: Callable[[str | None], T | None],
    in_doubt: Callable[[], CommitInDoubt],
) -> T | None:
    """Make the parts an object, and find out whether they are one where the answer to that is lost.

    Args:
        parts: all of them are sent.
        complete: asks S3 for it by `parts.complete`, and returns the version.
        look: says what is there of that version, or of the newest; None where it is nothing of ours.
        in_doubt: what is raised where S3 does not say.

    Returns:
        what `look` has said; None where S3 has said that they are an object, and there is none.

    Raises:
        CommitInDoubt: S3 does not say whether they are one.
        Failure: what `complete` has raised; they are none then, and never will be.
    """
    failure, version = None, None
    try:
        version = complete()
    except Failure as failed:  # the answer may have been lost, and the object be there
        failure = failed
    there = look(version)
    if there is None and failure is not None:
        # S3 may still go on with a request that it has not answered, unless there is nothing left to complete.
        if not parts.abort():
            raise in_doubt()
        there = look(version)
        if there is None:
            raise failure
    return there


@contextmanager
def multipart(store: Store, key: str, metadata: Mapping[str, str], content_type: str) -> Iterator[Multipart]:
    """Begin to send an object; what is not completed in the block is thrown away.

    Args:
        store: the bucket.
        key: the object's name to be.
        metadata: what is noted with it; ASCII.
        content_type: its type (MIME).

    Raises:
        Failure: as `translated`.
    """
    begun: Apart[Multipart] | None = None
    try:
        with signals.held():
            begun = Apart(partial(_begun, store, key, metadata, content_type), "dmrefresh-begin")
        yield begun.result()
    finally:
        if begun is not None:
            _throw_away(begun)


def _begun(store: Store, key: str, metadata: Mapping[str, str], content_type: str) -> Multipart:
    with translated(f"bucket {store.bucket}"):
        made = store.client.create_multipart_upload(
            Bucket=store.bucket,
            Key=key,
            ACL=ACL,
            ChecksumAlgorithm="SHA256",
            ContentType=content_type,
            Metadata=dict(metadata),
        )
    return Multipart(store, key, made["UploadId"])


def _throw_away(begun: Apart[Multipart]) -> None:
    """Throw away what was not completed, also where S3 has not said yet that it is begun.

    S3 may be what stands still: a run that was ended does not wait for it, since nobody takes parts for an object.
    """

    def abort() -> None:
        with contextlib.suppress(Exception):  # nothing was begun, and whoever waits for that is told why
            begun.result().abort()

    aborting: Apart[None] | None = None
    try:
        with signals.held():
            aborting = Apart(abort, "dmrefresh-abort")
    finally:
        if aborting is not None:
            aborting.leave(_FAREWELL)
