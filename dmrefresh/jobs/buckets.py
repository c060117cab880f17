"""The buckets that the settings name."""

from __future__ import annotations

from dmrefresh.bucket.store import Store
from dmrefresh.errors import UsageFailure
from dmrefresh.settings.model import Settings, Target


def no_bucket() -> UsageFailure:
    """What is said where the settings name no bucket for dumps."""
    return UsageFailure(
        "No bucket is named for the dumps.",
        hint="name it: bucket under [dumps] in dmrefresh.toml, or DMREFRESH_DUMPS_BUCKET; none is needed for a cleaned "
        "dump (`--from TARGET`), nor for one in a file (`dmrefresh sanitise`)",
    )


def store_of(settings: Settings) -> Store:
    """The bucket of encrypted dumps.

    Raises:
        UsageFailure: the settings name none.
    """
    dumps = settings.dumps
    if not dumps.bucket:
        raise no_bucket()
    return store_at(settings, dumps.bucket, dumps.region, dumps.endpoint_url)


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
    return bucket_of(settings, of)


def bucket_of(settings: Settings, target: Target) -> Store:
    """The bucket that a target's settings name."""
    assert target.s3 is not None
    return store_at(settings, target.s3, target.region, target.endpoint_url)


def store_at(settings: Settings, bucket: str, region: str | None, endpoint_url: str | None) -> Store:
    """A bucket, with the patience that the settings have with S3: there is no other place that makes one."""
    return Store(bucket, region, endpoint_url, silence=settings.dumps.silence.total_seconds())
