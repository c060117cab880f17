"""The buckets that the settings name."""

from __future__ import annotations

from dmrefresh.bucket.store import Store
from dmrefresh.errors import UsageFailure
from dmrefresh.settings.model import Settings, Target


def store_of(settings: Settings) -> Store:
    """The bucket of encrypted dumps."""
    dumps = settings.dumps
    return Store(dumps.bucket, dumps.region, dumps.endpoint_url, silence=dumps.silence.total_seconds())


def cleaned_store(settings: Settings, target: str) -> Store:
    """The bucket of cleaned dumps that the settings name as a target.

    Raises:
        UsageFailure: there is no such target, or it is no bucket.
    """
    of = settings.target(target)
    if of.s3 is None:
        raise UsageFailure(
            f"The target `{target}` is no bucket of cleaned dumps.", hint="--from names a target that has `s3`"
        )
    return bucket_of(of)


def bucket_of(target: Target) -> Store:
    """The bucket that a target's settings name."""
    assert target.s3 is not None
    return Store(target.s3, target.region, target.endpoint_url)
