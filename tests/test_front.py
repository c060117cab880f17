"""The S3 front of the tests passes everything on, and fails exactly as it is told."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from uuid import uuid4

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    IncompleteReadError,
    ReadTimeoutError,
    ResponseStreamingError,
)
from mypy_boto3_s3 import S3Client

from fixtures.parts.seaweedfs import REGION, ObjectStore
from tests.answers import anything, get, head, put
from tests.front import Front

BODY = random.Random(3).randbytes(3_000_000)
BROKEN = (ConnectionClosedError, IncompleteReadError, ResponseStreamingError)


@pytest.fixture
def front(object_store: ObjectStore) -> Iterator[Front]:
    with Front(object_store) as running:
        yield running


@pytest.fixture
def client(front: Front) -> S3Client:
    return boto3.client(
        "s3",
        endpoint_url=front.url,
        region_name=REGION,
        aws_access_key_id=front.store.admin.access_key,
        aws_secret_access_key=front.store.admin.secret_key,
        config=Config(
            retries={"total_max_attempts": 1},
            read_timeout=3,
            s3={"addressing_style": "path"},
            response_checksum_validation="when_required",
        ),
    )


@pytest.fixture
def key(front: Front) -> str:
    name = f"front-{uuid4().hex}"
    front.store.client(front.store.admin).put_object(Bucket=front.store.bucket, Key=name, Body=BODY)
    return name


def read(front: Front, client: S3Client, key: str, **more: str) -> bytes:
    return client.get_object(Bucket=front.store.bucket, Key=key, **more)["Body"].read()  # type: ignore[arg-type]


def test_what_it_is_told_nothing_of_goes_through_as_it_is(front: Front, client: S3Client) -> None:
    bucket, name = front.store.bucket, f"front-{uuid4().hex}"
    client.put_object(Bucket=bucket, Key=name, Body=BODY, ChecksumAlgorithm="SHA256", Metadata={"of": "mine"})
    found = client.head_object(Bucket=bucket, Key=name)
    assert (found["ContentLength"], found["Metadata"]) == (len(BODY), {"of": "mine"})
    assert read(front, client, name) == BODY
    assert read(front, client, name, Range="bytes=2999990-") == BODY[-10:]
    assert name in [one["Key"] for one in client.list_objects_v2(Bucket=bucket, Prefix=name)["Contents"]]
    with pytest.raises(ClientError, match="NoSuchKey"):
        read(front, client, "absent")
    made = client.create_multipart_upload(Bucket=bucket, Key=name)["UploadId"]
    part = client.upload_part(Bucket=bucket, Key=name, UploadId=made, PartNumber=1, Body=BODY[::-1])
    client.complete_multipart_upload(
        Bucket=bucket, Key=name, UploadId=made, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    )
    assert read(front, client, name) == BODY[::-1]
    assert [one.range_from for one in front.gets()] == [0, 2_999_990, 0, 0]


def test_a_script_is_followed_in_its_order_and_a_rule_after_it(front: Front, client: S3Client, key: str) -> None:
    front.script(*get().status(503, "SlowDown").times(2), get().send(500_000).cut(), get(range_from=500_000).ok())
    front.always(head().status(403, "Forbidden"))
    for _ in range(2):
        with pytest.raises(ClientError, match="SlowDown"):
            read(front, client, key)
    with pytest.raises(BROKEN):
        read(front, client, key)
    assert read(front, client, key) == BODY  # the script waits for the byte that it names
    assert len(front.left) == 1
    assert read(front, client, key, Range="bytes=500000-") == BODY[500_000:]
    assert not front.left
    with pytest.raises(ClientError, match="403"):
        client.head_object(Bucket=front.store.bucket, Key=key)


def test_it_lies_as_it_is_told(front: Front, client: S3Client, key: str) -> None:
    front.script(
        get().flip(7).flip(2_999_999),
        get().flip(2_999_999),
        get().header("ETag", '"another"').header("Content-Range", "bytes 5-9/10").ok(),
        get().whole(),
        get().and_more(b"more"),
    )
    changed = read(front, client, key)
    assert [at for at in range(len(BODY)) if changed[at] != BODY[at]] == [7, 2_999_999]
    assert read(front, client, key, Range="bytes=2999998-")[1] != BODY[-1]
    answer = client.get_object(Bucket=front.store.bucket, Key=key, Range="bytes=1-")
    assert (answer["ETag"], answer["ContentRange"]) == ('"another"', "bytes 5-9/10")
    answer["Body"].close()
    answer = client.get_object(Bucket=front.store.bucket, Key=key, Range="bytes=1-")
    assert (answer["ResponseMetadata"]["HTTPStatusCode"], answer["Body"].read()) == (200, BODY)
    assert read(front, client, key) == BODY + b"more"


def test_it_stands_still_for_as_long_as_anybody_listens(front: Front, client: S3Client, key: str) -> None:
    front.script(get().stall(), get().send(1000).stall(), get().send(1000).dribble(0.2), get().reset())
    for kind in (BotoCoreError, BotoCoreError):
        with pytest.raises(kind) as caught:
            read(front, client, key)
        assert isinstance(caught.value, ReadTimeoutError | ResponseStreamingError)
    body = client.get_object(Bucket=front.store.bucket, Key=key)["Body"]
    began = time.monotonic()
    assert body.read(1004) == BODY[:1004]
    assert time.monotonic() - began > 0.5
    body.close()
    with pytest.raises(BotoCoreError):
        read(front, client, key)


def test_an_answer_that_is_lost_was_done_all_the_same(front: Front, client: S3Client, key: str) -> None:
    front.script(put().lost(), put().cut())
    for content in (b"done", b"never"):
        with pytest.raises(BotoCoreError):
            client.put_object(Bucket=front.store.bucket, Key=key, Body=content)
    assert read(front, client, key) == b"done"
    front.always(anything().status(500, "InternalError"))
    with pytest.raises(ClientError, match="InternalError"):
        client.list_objects_v2(Bucket=front.store.bucket)
