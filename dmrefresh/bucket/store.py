"""A bucket of dumps, encrypted or cleaned: what is in it, by the names of dumps."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Final

from dmrefresh.bucket.answers import Gone, NoCredentials, Replaced, SourceRefused, translated
from dmrefresh.bucket.verified import SUFFIX
from dmrefresh.errors import NoSuchDump, SourceUnreachable

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import HeadObjectOutputTypeDef

__all__ = [
    "ACL",
    "LATEST_CLEANED",
    "DumpRef",
    "Gone",
    "Listed",
    "NoCredentials",
    "Replaced",
    "SourceRefused",
    "Store",
    "cleaned_at",
    "cleaned_name",
    "pinned",
    "taken_at",
    "translated",
]

_NAME = re.compile(r"(?P<stage>[a-z][a-z0-9-]*)-(?P<when>[0-9]{12})\.sql\.gz\.gpg")
_CLEANED = re.compile(r"cleaned-db-dump-(?P<when>[0-9]{12})\.sql\.gz")
LATEST_CLEANED = "cleaned-db-dump.sql.gz"
"""The name under which the newest cleaned dump lies for whoever needs a fixed one."""
ACL: Final = "bucket-owner-full-control"
"""What is put into a bucket belongs to whoever has the bucket."""


@dataclass(frozen=True, slots=True)
class DumpRef:
    """One object in the bucket, pinned to the version that was found.

    Attributes:
        bucket, key: where it is.
        size: bytes.
        modified: when it was stored.
        etag: what S3 calls this version of its content.
        version_id: the version, where the bucket keeps versions.
        sha256: hexadecimal digest of its bytes, where it is known: from its metadata (cleaned dumps and what a worker
            posted have it there), from the note beside it, or because it was just sent.
    """

    bucket: str
    key: str
    size: int
    modified: datetime
    etag: str
    version_id: str | None = None
    sha256: str | None = None

    @property
    def taken(self) -> datetime | None:
        """When the dump was taken, or cleaned, according to its name (UTC), where the name says so."""
        return taken_at(self.key) or cleaned_at(self.key)


@dataclass(frozen=True, slots=True)
class Listed:
    """A dump as the list of the bucket has it: its name, when it was taken by that, its size (bytes), and whether
    a note lies beside it, whatever that says."""

    key: str
    taken: datetime
    size: int
    noted: bool


def taken_at(key: str, stage: str | None = None) -> datetime | None:
    """The time in a name such as `production-202611220300.sql.gz.gpg`, or None where it is no such name.

    Args:
        key: the object's name.
        stage: accept only names of this stage.
    """
    match = _NAME.fullmatch(key)
    if match is None or (stage is not None and match["stage"] != stage):
        return None
    return _moment(match["when"])


def cleaned_at(key: str) -> datetime | None:
    """The time in a name such as `cleaned-db-dump-202611220300.sql.gz`, or None where it is no such name."""
    match = _CLEANED.fullmatch(key)
    return None if match is None else _moment(match["when"])


def cleaned_name(made: datetime) -> str:
    """The name of a cleaned dump that was made then (UTC, to the minute)."""
    return f"cleaned-db-dump-{made:%Y%m%d%H%M}.sql.gz"


def _moment(when: str) -> datetime | None:
    try:
        return datetime.strptime(when, "%Y%m%d%H%M").replace(tzinfo=UTC)
    except ValueError:
        return None


@dataclass
class Store:
    """A bucket, reached with the credentials that boto3 finds in its usual places.

    Args:
        bucket: its name.
        region: the region, None for boto3's own choice.
        endpoint_url: where a store that is not AWS listens.
        silence: seconds that S3 may say nothing in, or next to nothing, before a connection counts as lost.
    """

    bucket: str
    region: str | None = None
    endpoint_url: str | None = None
    silence: float = field(default=30.0, kw_only=True)

    @cached_property
    def client(self) -> S3Client:
        """The boto3 client; botocore itself asks again where that may heal."""
        return self._client(asks=4)

    @cached_property
    def reader(self) -> S3Client:
        """One that asks once, for whoever knows better how to go on."""
        return self._client(asks=1)

    def load(self) -> None:
        """Load what speaks to S3, which takes longer than most requests; what is wrong is told to whoever asks S3."""
        with contextlib.suppress(Exception):
            self.client, self.reader  # noqa: B018 - they are kept

    def _client(self, *, asks: int) -> S3Client:
        from botocore.config import Config

        config = Config(
            connect_timeout=min(10.0, self.silence),
            read_timeout=self.silence,
            retries={"mode": "standard", "total_max_attempts": asks},
            s3={"addressing_style": "path" if self.endpoint_url else "auto"},
        )
        with translated(f"bucket {self.bucket}"):
            return self._session.client("s3", region_name=self.region, endpoint_url=self.endpoint_url, config=config)

    @cached_property
    def _session(self) -> boto3.Session:
        """One for both, so that credentials which have to be asked for are asked for once."""
        import boto3

        with translated(f"bucket {self.bucket}"):
            return boto3.Session()

    def _objects(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Name and size of everything whose name begins so."""
        with translated(f"bucket {self.bucket}"):
            pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
            for page in pages:
                for item in page.get("Contents", []):
                    yield item["Key"], item["Size"]

    def listed(self, stage: str) -> list[Listed]:
        """The dumps of `stage`, the newest by its name first; empty ones too. Asks for List alone.

        Raises:
            NoSuchDump: there is no such bucket.
            SourceUnreachable: S3 does not answer, or refuses.
        """
        found, beside = [], set()
        for key, size in self._objects(f"{stage}-"):
            taken = taken_at(key, stage)
            if taken is not None:
                found.append((taken, key, size))
            elif key.endswith(SUFFIX):
                beside.add(key.removesuffix(SUFFIX))
        return [Listed(key, taken, size, key in beside) for taken, key, size in sorted(found, reverse=True)]

    def listed_cleaned(self) -> list[Listed]:
        """The cleaned dumps, the newest by its name first, without the one of the fixed name; raises as `listed`."""
        found = []
        for key, size in self._objects(LATEST_CLEANED.split(".")[0]):
            made = cleaned_at(key)
            if made is not None:
                found.append((made, key, size))
        return [Listed(key, made, size, noted=False) for made, key, size in sorted(found, reverse=True)]

    def facts(self, key: str) -> dict[str, str]:
        """What was noted with an object when it was stored; nobody has signed it.

        Raises:
            NoSuchDump: it is not there.
            SourceUnreachable: S3 does not answer, or refuses.
        """
        with translated(f"{key} in the bucket {self.bucket}"):
            return self.client.head_object(Bucket=self.bucket, Key=key)["Metadata"]

    def beginning(self, key: str, size: int) -> bytes:
        """The first bytes of an object, at most `size`.

        Raises:
            NoSuchDump: it is not there any more.
            SourceRefused: it may not be read.
            SourceUnreachable: S3 does not answer.
        """
        with translated(f"{key} in the bucket {self.bucket}"):
            answer = self.client.get_object(Bucket=self.bucket, Key=key, Range=f"bytes=0-{size - 1}")
            with contextlib.closing(answer["Body"]) as body:
                return body.read(size)

    def named(self, key: str) -> DumpRef:
        """The dump of this name, pinned to its present version.

        Raises:
            NoSuchDump: there is no such object, or it is empty.
            SourceUnreachable: S3 does not answer, or refuses.
        """
        with translated(f"{key} in the bucket {self.bucket}"):
            head = self.client.head_object(Bucket=self.bucket, Key=key)
        if not {"ETag", "LastModified", "ContentLength"} <= head.keys():
            raise SourceUnreachable(
                f"What answers for {key} in the bucket {self.bucket} does not speak like S3.",
                hint="is endpoint_url right, and must somebody log in to this network first?",
            )
        if head["ContentLength"] == 0:
            raise NoSuchDump(f"{key} in the bucket {self.bucket} is an empty object.")
        return pinned(self.bucket, key, head)


def pinned(bucket: str, key: str, head: HeadObjectOutputTypeDef) -> DumpRef:
    """The version of an object that S3 has told of."""
    version = head.get("VersionId")
    return DumpRef(
        bucket=bucket,
        key=key,
        size=head["ContentLength"],
        modified=head["LastModified"],
        etag=head["ETag"],
        version_id=None if version == "null" else version,
        sha256=head["Metadata"].get("sha256"),
    )
