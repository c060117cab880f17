"""fetch: a dump's ciphertext from S3, every byte of it and of no other object."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from dmrefresh.errors import DumpDamaged, SourceUnreachable
from dmrefresh.store import DumpRef, Store, translated

if TYPE_CHECKING:
    from botocore.response import StreamingBody

_BLOCK = 1 << 20
_FRUITLESS = 3
"""How often in a row a download may break off without one more byte before it is given up."""


def fetch(store: Store, dump: DumpRef) -> Iterator[bytes]:
    """Yield the object's bytes; where the connection breaks, go on from the byte reached.

    A resumed read asks for the same version and the same content, so two objects are never spliced.

    Raises:
        SourceUnreachable: S3 does not answer, or the object was replaced.
        DumpDamaged: the bytes are not those that the backup noted (length, or SHA-256 where it is known).
    """
    position, fruitless = 0, 0
    digest = hashlib.sha256()
    while position < dump.size:
        before = position
        with (
            translated(dump.key),
            contextlib.closing(_open(store, dump, position)) as body,
            _interruptions_end_the_read(),
        ):
            # Up to the empty read: only there does botocore compare the checksum that S3 sent.
            while block := body.read(_BLOCK):
                digest.update(block)
                position += len(block)
                yield block
        fruitless = 0 if position > before else fruitless + 1
        if fruitless >= _FRUITLESS:
            raise SourceUnreachable(f"The download of {dump.key} stands still at byte {position}.")
    if position != dump.size:
        raise DumpDamaged(f"{dump.key} has {dump.size} bytes but {position} were received.")
    if dump.sha256 is not None and digest.hexdigest() != dump.sha256:
        raise DumpDamaged(
            f"{dump.key} is damaged: its SHA-256 is not the one that is noted with it, or beside it.",
            hint="do not rely on it: take another (dmrefresh dumps lists them), and look at who wrote this one",
        )


def _open(store: Store, dump: DumpRef, position: int) -> StreamingBody:
    request = {"Bucket": dump.bucket, "Key": dump.key, "IfMatch": dump.etag}
    if dump.version_id is not None:
        request["VersionId"] = dump.version_id
    if position == 0:
        return store.client.get_object(**request, ChecksumMode="ENABLED")["Body"]  # type: ignore[arg-type]
    answer = store.client.get_object(**request, Range=f"bytes={position}-")  # type: ignore[arg-type]
    # A store that ignores the range would send the beginning again.
    if not answer.get("ContentRange", "").startswith(f"bytes {position}-"):
        raise SourceUnreachable(f"S3 did not resume {dump.key} at byte {position}.")
    return answer["Body"]


@contextlib.contextmanager
def _interruptions_end_the_read() -> Iterator[None]:
    """A broken or silent connection ends the read quietly: what is missing is asked for again."""
    from botocore import exceptions
    from urllib3.exceptions import HTTPError

    broken = (
        exceptions.IncompleteReadError,
        exceptions.ReadTimeoutError,
        exceptions.ResponseStreamingError,
        exceptions.ConnectionClosedError,
        HTTPError,
        ConnectionError,
        TimeoutError,
    )
    with contextlib.suppress(*broken):
        yield
