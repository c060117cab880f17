"""An object is stored whole or not at all, and no part of it is left in the bucket."""

from __future__ import annotations

import hashlib
import io
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import FrameType
from typing import IO, Any

import pytest

from dmrefresh.bucket.store import DumpRef, Store
from dmrefresh.errors import CommitInDoubt, RightsMissing, TargetUnfit, TargetUnreachable
from dmrefresh.stages.upload import copy, sent
from fixtures.parts.seaweedfs import ObjectStore
from tests.proxy import Proxy
from tests.stages.bucket import act_as, left, new_bucket

CONTENT = os.urandom(20 << 20)
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def store(object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> Store:
    return new_bucket(object_store, monkeypatch)


def upload(store: Store, key: str, file: IO[bytes], size: int, sha256: str, facts: dict[str, str]) -> DumpRef:
    with sent(store, key, file, size, sha256, facts) as parts:
        return parts.complete()


class Trickling(io.BytesIO):
    """Does something once so many bytes were read."""

    def __init__(self, after: int, error: type[BaseException] | None) -> None:
        super().__init__(CONTENT)
        self.after, self.error = after, error

    def read(self, size: int | None = -1, /) -> bytes:
        block = super().read(size)
        if self.tell() > self.after:
            if self.error is not None:
                raise self.error
            os.kill(os.getpid(), signal.SIGUSR1)
        return block


def test_a_large_object_goes_up_in_parts_and_is_what_it_was(store: Store, object_store: ObjectStore) -> None:
    stored = upload(store, "one", io.BytesIO(CONTENT), len(CONTENT), DIGEST, {"source": "a dump"})
    copy(store, stored, "two", {"source": "a dump"})
    client = object_store.client(object_store.admin)
    for name in ("one", "two"):
        answer = client.get_object(Bucket=store.bucket, Key=name)
        assert answer["Body"].read() == CONTENT
        assert answer["Metadata"] == {"source": "a dump", "sha256": DIGEST}
    assert left(object_store, store.bucket) == ["one", "two"]


def test_a_file_that_cannot_be_read_to_its_end_leaves_nothing(store: Store, object_store: ObjectStore) -> None:
    with pytest.raises(MemoryError):
        upload(store, "one", Trickling(17 << 20, MemoryError), len(CONTENT), DIGEST, {})
    assert left(object_store, store.bucket) == []


class _Signalled(BaseException):
    pass


@pytest.fixture
def signalled() -> Iterator[None]:
    def hear(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        raise _Signalled

    before = signal.signal(signal.SIGUSR1, hear)
    yield
    signal.signal(signal.SIGUSR1, before)


@pytest.mark.usefixtures("signalled")
@pytest.mark.parametrize("after", [1, 10 << 20, 17 << 20, (20 << 20) - 1])
def test_a_signal_before_it_is_completed_leaves_nothing(store: Store, object_store: ObjectStore, after: int) -> None:
    with pytest.raises(_Signalled):
        upload(store, "one", Trickling(after, None), len(CONTENT), DIGEST, {})
    assert left(object_store, store.bucket) == []


def test_what_was_sent_is_no_object_before_it_is_completed(store: Store, object_store: ObjectStore) -> None:
    with sent(store, "one", io.BytesIO(CONTENT), len(CONTENT), DIGEST, {}):
        assert left(object_store, store.bucket) == ["part of one"]
    assert left(object_store, store.bucket) == []


def test_an_object_that_was_completed_though_the_answer_was_lost_is_known_for_ours(store: Store) -> None:
    with sent(store, "one", io.BytesIO(CONTENT), len(CONTENT), DIGEST, {}) as parts:
        first = parts.complete()
        assert parts.complete() == first  # S3 knows no such upload any more


def losing(*methods: bytes, before: Callable[[], None] = lambda: None) -> Callable[[int, int, bytes], bytes | None]:
    """What a proxy does with requests about a begun upload of these methods: they do not get through.

    Before the parts would be thrown away, something else may get to S3.
    """

    def question(connection: int, offset: int, block: bytes) -> bytes | None:
        line = block.split(b"\r\n", 1)[0]
        if b"uploadId=" in line and line.startswith(b"DELETE"):
            before()
        return None if b"uploadId=" in line and line.startswith(methods) else block

    return question


def through(proxy: Proxy, store: Store) -> Store:
    return Store(store.bucket, endpoint_url=f"http://127.0.0.1:{proxy.port}")


def test_a_request_that_is_late_makes_an_object_that_is_known_for_ours(store: Store, object_store: ObjectStore) -> None:
    late: list[str | None] = []
    with (
        Proxy(int((store.endpoint_url or "").rpartition(":")[2])) as proxy,
        sent(through(proxy, store), "one", io.BytesIO(CONTENT), len(CONTENT), DIGEST, {}) as parts,
    ):

        def arrive() -> None:
            if not late:
                late.append(replace(parts.parts, store=store).complete())

        proxy.question = losing(b"POST", before=arrive)
        stored = parts.complete()
    assert late == [stored.version_id]
    assert left(object_store, store.bucket) == ["one"]


def test_where_the_parts_cannot_be_thrown_away_it_is_not_known_whether_they_become_an_object(store: Store) -> None:
    with (
        Proxy(int((store.endpoint_url or "").rpartition(":")[2])) as proxy,
        sent(through(proxy, store), "one", io.BytesIO(CONTENT), len(CONTENT), DIGEST, {}) as parts,
    ):
        proxy.question = losing(b"POST", b"DELETE")
        with pytest.raises(CommitInDoubt):
            parts.complete()


def test_what_s3_does_not_take_is_no_object_and_never_will_be(store: Store, object_store: ObjectStore) -> None:
    with (
        Proxy(int((store.endpoint_url or "").rpartition(":")[2])) as proxy,
        sent(through(proxy, store), "one", io.BytesIO(CONTENT), len(CONTENT), DIGEST, {}) as parts,
    ):
        proxy.question = losing(b"POST")
        with pytest.raises(TargetUnreachable, match="S3 does not answer"):
            parts.complete()
        assert left(object_store, store.bucket) == []


def test_what_is_another_than_was_sent_is_not_taken_for_it(store: Store) -> None:
    with pytest.raises(TargetUnreachable, match="is not what was just stored"):
        upload(store, "one", io.BytesIO(CONTENT[:100]), 101, DIGEST, {})


def test_each_refusal_says_what_is_missing(
    store: Store, object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(TargetUnfit, match="no bucket digitalmarketplace-cleaned-nowhere"):
        _upload(Store("digitalmarketplace-cleaned-nowhere", endpoint_url=object_store.endpoint_url))
    act_as(object_store.developers, monkeypatch)
    with pytest.raises(RightsMissing) as caught:
        _upload(Store(store.bucket, endpoint_url=object_store.endpoint_url))
    assert "PutObjectAcl" in str(caught.value.hint)
    act_as(object_store.jobs, monkeypatch)
    with pytest.raises(TargetUnreachable):
        _upload(Store(store.bucket, endpoint_url="http://127.0.0.1:1"))


def _upload(store: Store) -> None:
    upload(store, "one", io.BytesIO(b"x"), 1, hashlib.sha256(b"x").hexdigest(), {})


def test_whatever_makes_an_object_says_that_the_bucket_s_owner_has_it(store: Store) -> None:
    said: dict[str, str] = {}

    def note(request: Any, **_: object) -> None:
        acl = request.headers.get("x-amz-acl", b"")
        begins = request.method == "POST" and request.url.endswith("?uploads")
        if begins or "x-amz-copy-source" in request.headers:  # parts that follow say nothing
            name = request.url.partition("?")[0].rpartition("/")[2]
            said.setdefault(name, acl.decode() if isinstance(acl, bytes) else acl)

    store.client.meta.events.register("before-send.s3", note)
    stored = upload(store, "one", io.BytesIO(CONTENT), len(CONTENT), DIGEST, {})
    copy(store, stored, "two", {})
    assert said == {"one": "bucket-owner-full-control", "two": "bucket-owner-full-control"}
