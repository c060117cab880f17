"""upload: a file into a bucket. It is sent in parts that nobody sees, and becomes an object in one request."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from dmrefresh.bucket.store import ACL, DumpRef, SourceRefused, Store, translated
from dmrefresh.errors import CommitInDoubt, Failure, RightsMissing, TargetUnfit, TargetUnreachable, UsageFailure
from dmrefresh.stages.multipart import MOST_PARTS, Multipart, completed, multipart

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import CopySourceTypeDef

_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Sent:
    """A file that was sent; `complete` makes it an object. Make it with `sent`.

    Args:
        store, key: the bucket, and the object's name to be.
        size, sha256: bytes, and their digest in hexadecimal.
        parts: in which it was sent.
    """

    store: Store
    key: str
    size: int
    sha256: str
    parts: Multipart

    def complete(self) -> DumpRef:
        """Make it an object, and see that it is there.

        Returns:
            the object.

        Raises:
            CommitInDoubt: S3 does not say whether it is stored.
            Failure: of any other kind; nothing is stored.
        """
        stored = completed(self.parts, self._complete, self._look, self._in_doubt)
        if stored is None:
            raise TargetUnreachable(
                f"{self.key} in the bucket {self.store.bucket} is not what was just stored: somebody else's is.",
                hint="is another run at it?",
            )
        return stored

    def _complete(self) -> str | None:
        with of_the_target():
            return self.parts.complete()

    def _look(self, _: str | None) -> DumpRef | None:
        """What was sent, where that is what has the name now."""
        try:
            with of_the_target():
                there = self.store.named(self.key)
        except TargetUnfit:  # there is none of that name
            return None
        except Failure:
            raise self._in_doubt() from None
        return there if (there.size, there.sha256) == (self.size, self.sha256) else None

    def _in_doubt(self) -> CommitInDoubt:
        return CommitInDoubt(
            f"S3 does not say whether {self.key} is stored in the bucket {self.store.bucket}.",
            state="It is stored whole, or not at all.",
            hint="look at the bucket: dmrefresh dumps --from TARGET",
        )


@contextlib.contextmanager
def sent(store: Store, key: str, file: IO[bytes], size: int, sha256: str, facts: Mapping[str, str]) -> Iterator[Sent]:
    """Send a file in parts, each with its SHA-256; unless it is completed in the block, they are thrown away.

    Args:
        store: the bucket.
        key: the object's name to be.
        file: is read from where it stands, and closed.
        size: its bytes.
        sha256: their digest, in hexadecimal, which is noted with the object.
        facts: what else is noted with it; ASCII.

    Raises:
        RightsMissing: S3 refuses.
        TargetUnreachable: it does not answer.
        TargetUnfit: there is no such bucket.
    """
    length = max(8 * _MIB, -(-size // (MOST_PARTS - 1)))
    with contextlib.ExitStack() as stack:
        with file, of_the_target(), translated(f"bucket {store.bucket}"):
            parts = stack.enter_context(multipart(store, key, {**facts, "sha256": sha256}, "application/gzip"))
            for number, block in enumerate(iter(lambda: file.read(length), b""), 1):
                parts.put(number, block)
        yield Sent(store, key, size, sha256, parts)


def copy(store: Store, stored: DumpRef, key: str, facts: Mapping[str, str]) -> None:
    """Give an object another name as well, in the same bucket, without sending it again.

    Args:
        store: the bucket.
        stored: the object.
        key: its other name.
        facts: what is noted with it, beside its digest.

    Raises:
        Failure: as `sent`.
    """
    source: CopySourceTypeDef = {"Bucket": store.bucket, "Key": stored.key}
    if stored.version_id is not None:
        source["VersionId"] = stored.version_id
    # Said again: not every version of boto3 takes it along where a large object is copied in parts.
    noted = {"Metadata": {**facts, "sha256": str(stored.sha256)}, "MetadataDirective": "REPLACE"}
    more = {"ACL": ACL, "ContentType": "application/gzip", **noted}
    with of_the_target(), translated(f"bucket {store.bucket}"):
        store.client.copy(source, store.bucket, key, ExtraArgs=more)
    with of_the_target():
        there = store.named(key)
    if (there.size, there.sha256) != (stored.size, stored.sha256):
        raise TargetUnreachable(f"{key} in the bucket {store.bucket} is not what {stored.key} is.")


@contextlib.contextmanager
def of_the_target() -> Iterator[None]:
    """Inside the block, what S3 says is about a target, and not about a dump that is fetched.

    Raises:
        RightsMissing: S3 refuses.
        TargetUnreachable: it does not answer.
        TargetUnfit: there is no such bucket, or nothing of that name in it.
        UsageFailure: the settings make no valid request.
    """
    try:
        yield
    except SourceRefused as refused:
        rights = (
            "storing a cleaned dump takes PutObject, PutObjectAcl, AbortMultipartUpload, GetObject and GetObjectVersion"
        )
        raise RightsMissing(refused.what, hint="; ".join(filter(None, (refused.hint, rights)))) from None
    except UsageFailure as refused:
        raise UsageFailure(refused.what, hint="look at this target in dmrefresh.toml") from None
    except Failure as failure:
        if failure.retry:
            raise TargetUnreachable(failure.what, hint="run it again") from None
        raise TargetUnfit(failure.what, hint="look at this target in dmrefresh.toml") from None


def see_bucket(store: Store) -> None:
    """See that a bucket is there; raises as `of_the_target`."""
    with of_the_target(), translated(f"bucket {store.bucket}"):
        store.client.head_bucket(Bucket=store.bucket)
