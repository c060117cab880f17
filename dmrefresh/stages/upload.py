"""upload: a file into a bucket, and seen to be there; a part of it is never left behind."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import IO, TYPE_CHECKING

from dmrefresh.errors import Failure, RightsMissing, TargetUnfit, TargetUnreachable, UsageFailure
from dmrefresh.store import DumpRef, SourceRefused, Store, translated

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import CopySourceTypeDef

_MIB = 1 << 20
_ACL = "bucket-owner-full-control"


def upload(store: Store, key: str, file: IO[bytes], size: int, sha256: str, facts: Mapping[str, str]) -> DumpRef:
    """Store a file under a name, whole or not at all, and ask for it again.

    A large file goes up in parts, each with its SHA-256; whatever breaks it off, they are thrown away (boto3's managed
    transfer does so).

    Args:
        store: the bucket.
        key: the object's name.
        file: is read from where it stands, and closed.
        size: its bytes.
        sha256: their digest, in hexadecimal, which is noted with the object.
        facts: what else is noted with it; ASCII.

    Returns:
        the object as it is there now.

    Raises:
        RightsMissing: S3 refuses.
        TargetUnreachable: it does not answer, or what is there is not what was sent.
        TargetUnfit: there is no such bucket.
    """
    from boto3.s3.transfer import TransferConfig

    more = {"ACL": _ACL, "ChecksumAlgorithm": "SHA256", "Metadata": {**facts, "sha256": sha256}}
    with file, _of_the_target(store.bucket), translated(f"bucket {store.bucket}"):
        store.client.upload_fileobj(
            file, store.bucket, key, ExtraArgs=more, Config=TransferConfig(8 * _MIB, 4, 8 * _MIB)
        )
    with _of_the_target(store.bucket):
        stored = store.named(key)
    if (stored.size, stored.sha256) != (size, sha256):
        raise TargetUnreachable(f"{key} in the bucket {store.bucket} is not what was just stored: somebody else's is.")
    return replace(stored, sha256=sha256)


def copy(store: Store, stored: DumpRef, key: str) -> None:
    """Give an object another name as well, in the same bucket, without sending it again.

    Raises:
        Failure: as `upload`.
    """
    source: CopySourceTypeDef = {"Bucket": store.bucket, "Key": stored.key}
    if stored.version_id is not None:
        source["VersionId"] = stored.version_id
    with _of_the_target(store.bucket), translated(f"bucket {store.bucket}"):
        store.client.copy(source, store.bucket, key, ExtraArgs={"ACL": _ACL})
    with _of_the_target(store.bucket):
        there = store.named(key)
    if (there.size, there.sha256) != (stored.size, stored.sha256):
        raise TargetUnreachable(f"{key} in the bucket {store.bucket} is not what {stored.key} is.")


@contextlib.contextmanager
def _of_the_target(bucket: str) -> Iterator[None]:
    """What S3 says when it is not asked for a dump, but given one."""
    try:
        yield
    except SourceRefused as refused:
        raise RightsMissing(
            f"{refused.what}", hint="storing a cleaned dump takes PutObject, PutObjectAcl and GetObject"
        ) from None
    except UsageFailure as refused:
        raise UsageFailure(refused.what, hint="look at this target in dmrefresh.toml") from None
    except Failure as failure:
        if failure.retry:
            raise TargetUnreachable(f"{failure.what}", hint="run it again") from None
        raise TargetUnfit(f"There is no bucket {bucket} to store a cleaned dump in.") from None
