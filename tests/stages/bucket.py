"""A bucket of a test's own, and what is left in it."""

from __future__ import annotations

from uuid import uuid4

import pytest

from dmrefresh.bucket.store import Store
from fixtures.parts.seaweedfs import Credentials, ObjectStore


def new_bucket(object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> Store:
    """An empty bucket, reached as the jobs."""
    bucket = f"digitalmarketplace-cleaned-{uuid4().hex[:12]}"
    object_store.make_bucket(bucket)
    act_as(object_store.jobs, monkeypatch)
    return Store(bucket, endpoint_url=object_store.endpoint_url)


def act_as(who: Credentials, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients that are made from now on have these credentials."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", who.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", who.secret_key)


def left(object_store: ObjectStore, bucket: str) -> list[str]:
    """Objects and parts of objects in a bucket."""
    client = object_store.client(object_store.admin)
    parts = client.list_multipart_uploads(Bucket=bucket).get("Uploads", [])
    objects = client.list_objects_v2(Bucket=bucket).get("Contents", [])
    return [*(f"part of {one['Key']}" for one in parts), *(one["Key"] for one in objects)]
