"""What lies beside a dump and says that it was read back: put there, found, and held against the dump itself.

The identity that stores backups may put it there, and cannot take it away.
"""

from __future__ import annotations

from dataclasses import dataclass

from dmrefresh.bucket.answers import NotAllowed
from dmrefresh.bucket.store import ACL, DumpRef, SourceRefused, Store, translated
from dmrefresh.bucket.verified import LONGEST, SUFFIX, Verified, as_json, from_json
from dmrefresh.errors import DumpDamaged, Failure, NoSuchDump, PublishedButUnfinished
from dmrefresh.observer import Observer


@dataclass(frozen=True, slots=True)
class Beside:
    """What was found beside a dump.

    Attributes:
        verified: what it says, where it is about this very object.
        why_not: else, why it does not count, as the end of a sentence.
        contradicted: whether that is because what is noted with the object itself says another thing.
    """

    verified: Verified | None = None
    why_not: str = ""
    contradicted: bool = False


def beside(store: Store, dump: DumpRef) -> Beside:
    """Look for the note beside a dump; whatever it is, it is no reason to fail.

    Args:
        store: the bucket.
        dump: the object, as it is now.

    Raises:
        SourceUnreachable: S3 does not answer.
    """
    try:
        text = store.beginning(dump.key + SUFFIX, LONGEST + 1)
    except NoSuchDump:
        return Beside(why_not="there is none")
    except (SourceRefused, DumpDamaged):
        return Beside(why_not="it cannot be read")
    said = from_json(text)
    if said is None:
        return Beside(why_not="it is not of the form that dmrefresh writes")
    if said.name != dump.key:
        return Beside(why_not="it is about another object")
    versions = said.version_id, dump.version_id
    if said.size != dump.size or (all(versions) and versions[0] != versions[1]):
        return Beside(why_not="the object was replaced since")
    if dump.sha256 is not None and dump.sha256.lower() != said.sha256:
        return Beside(why_not="with the object itself another SHA-256 is noted", contradicted=True)
    return Beside(said)


def note_beside(store: Store, verified: Verified, observer: Observer) -> None:
    """Put a note beside an object that it was read back.

    Raises:
        PublishedButUnfinished: it could not be put there.
    """
    key = verified.name + SUFFIX
    try:
        with translated(f"{key} in the bucket {store.bucket}"):
            store.client.put_object(
                Bucket=store.bucket,
                Key=key,
                Body=as_json(verified),
                ACL=ACL,
                ContentType="application/json",
                ChecksumAlgorithm="SHA256",
            )
    except Failure as failure:
        first = ""
        if isinstance(failure, NotAllowed):
            first = f"grant s3:PutObject and s3:PutObjectAcl on {store.bucket}/*, then "
        elif isinstance(failure, SourceRefused) and failure.hint is not None:  # nothing that heals by itself
            first = f"{failure.hint.rstrip('?.')}, then "
        raise PublishedButUnfinished(
            f"{verified.name} was read back and is whole, but the note of it could not be stored: {failure.what}",
            hint=f"{first}dmrefresh check-dump {verified.name} --record",
            state=f"{verified.name} is in the bucket {store.bucket}; a refresh prefers dumps that have such a note.",
        ) from None
    observer.note(f"noted in {key}")
