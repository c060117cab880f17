"""How S3 is asked how a bucket is set up: what is not set up, not allowed or not known is told apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from dmrefresh.bucket.store import Store, translated
from dmrefresh.jobs.doctor.checking import Needs

T = TypeVar("T")

_NOTHING = {
    "NoSuchLifecycleConfiguration",
    "ReplicationConfigurationNotFoundError",
    "NoSuchBucketPolicy",
    "NoSuchPublicAccessBlockConfiguration",
}
_UNKNOWN = (405, 501)


def asked(store: Store, right: str, ask: Callable[[], T]) -> T | None:
    """What S3 answers about a bucket; None where nothing of the kind is set up.

    Args:
        store: the bucket.
        right: what it takes to ask, such as `s3:GetBucketVersioning`.
        ask: asks, with boto3.

    Raises:
        Needs: the right, where S3 refuses; or a store that knows of such a thing.
        SourceUnreachable: S3 does not answer.
    """
    from botocore.exceptions import ClientError

    with translated(f"bucket {store.bucket}"):
        try:
            return ask()
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            if error.response["Error"]["Code"] in _NOTHING:
                return None
            if status == 403:
                raise Needs(right) from None
            if status in _UNKNOWN:
                raise Needs("a store that knows of such a thing") from None
            raise
