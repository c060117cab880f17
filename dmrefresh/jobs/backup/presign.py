"""presign: leave to store one backup, for a worker that has no credentials. Nothing is asked of S3 for it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from dmrefresh.bucket.presigned import DIGEST, EXPIRES, LIMIT
from dmrefresh.bucket.store import ACL, taken_at, translated
from dmrefresh.durations import spoken
from dmrefresh.errors import RightsMissing, UsageFailure
from dmrefresh.jobs.buckets import store_of
from dmrefresh.observer import Observer
from dmrefresh.settings.model import Settings

_SHORTEST, _LONGEST = timedelta(seconds=1), timedelta(days=7)
"""A signature of version 4 is valid for seven days at most.
https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html"""


@dataclass(frozen=True, slots=True)
class Signed:
    """What was signed, as the JSON that a worker gets in S3_POST_URL_DATA; whoever has it may use it."""

    text: str = field(repr=False)


def presign(
    settings: Settings,
    name: str,
    expires: timedelta = EXPIRES,
    observer: Observer | None = None,
    *,
    largest: int = LIMIT,
) -> Signed:
    """Sign a POST that puts exactly this object into the bucket of [dumps], with the job's credentials.

    Args:
        settings: the settings that hold.
        name: the object's: STAGE-yyyyMMddHHmm.sql.gz.gpg.
        expires: how long it is valid.
        observer: is warned where the credentials expire before.
        largest: the most bytes that it takes.

    Raises:
        UsageFailure: no bucket is named, the name is no backup's, or nothing can be valid for so long.
        RightsMissing: there are no credentials to sign with.
    """
    import boto3
    from botocore.config import Config

    if taken_at(name) is None:
        raise UsageFailure(
            "That is no name of a backup.", hint="they look like production-202611220300.sql.gz.gpg, in UTC"
        )
    if not _SHORTEST <= expires <= _LONGEST:
        raise UsageFailure(
            f"A presigned POST is valid for {spoken(_SHORTEST)} to {spoken(_LONGEST)}.",
            hint="--expires says for how long, `expires` under [cloud_foundry] for a worker there",
        )
    dumps, bucket = settings.dumps, store_of(settings).bucket
    # Without being told, boto3 signs with version 2, and for an address that only forwards to the region's.
    config = Config(signature_version="s3v4", s3={"addressing_style": "path" if dumps.endpoint_url else "virtual"})
    with translated(f"bucket {bucket}"):
        session = boto3.Session()
        credentials = session.get_credentials()
        if credentials is None:
            raise RightsMissing(
                f"There are no AWS credentials to sign for the bucket {bucket} with.",
                hint="set AWS_PROFILE, or log in",
            )
        try:
            credentials.get_frozen_credentials()
        except RuntimeError:  # botocore's word for those that stay expired
            raise RightsMissing("The AWS credentials have expired.", hint="log in again") from None
        client = session.client("s3", region_name=dumps.region, endpoint_url=dumps.endpoint_url, config=config)
        signed = client.generate_presigned_post(
            bucket,
            name,
            Fields={"acl": ACL},
            Conditions=[{"acl": ACL}, ["content-length-range", 1, largest], ["starts-with", f"${DIGEST}", ""]],
            ExpiresIn=int(expires.total_seconds()),
        )
        until = getattr(credentials, "_expiry_time", None)  # botocore has no public word for it
    if observer is not None and isinstance(until, datetime) and until < datetime.now(UTC) + expires:
        observer.warn(f"the credentials expire at {until:%H:%M:%S} UTC, and with them what they signed")
    return Signed(json.dumps({"url": signed["url"], "fields": signed["fields"]}))
