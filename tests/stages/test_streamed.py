"""A stream becomes an object of a new name, whole, or leaves nothing in the bucket."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import FrameType
from typing import Any

import pytest

from dmrefresh.bucket.store import DumpRef, Store
from dmrefresh.errors import BackupNotStored, Busy, CommitInDoubt, DumpDamaged
from dmrefresh.machine import signals
from dmrefresh.stages import multipart
from dmrefresh.stages import streamed as stage
from dmrefresh.stages.streamed import part_size, streamed
from fixtures.parts.seaweedfs import ObjectStore
from tests.answers import Answer
from tests.front import Front
from tests.proxy import Proxy
from tests.stages.bucket import act_as, left, new_bucket

MIB = 1 << 20
CONTENT = random.Random(3).randbytes(18 * MIB)
DIGEST = hashlib.sha256(CONTENT).hexdigest()
NAME = "production-202611220300.sql.gz.gpg"


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "_FIRST_PART", 5 * MIB)


@pytest.fixture
def store(object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> Store:
    return new_bucket(object_store, monkeypatch)


@pytest.fixture
def proxy(object_store: ObjectStore) -> Iterator[Proxy]:
    with Proxy(int(object_store.endpoint_url.rpartition(":")[2])) as one:
        yield one


def through(proxy: Proxy, store: Store) -> Store:
    return Store(store.bucket, endpoint_url=f"http://127.0.0.1:{proxy.port}")


def cut(data: bytes = CONTENT, size: int = 700_000) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def stored(store: Store, blocks: Iterator[bytes] | None = None) -> DumpRef:
    with streamed(store, NAME, cut() if blocks is None else blocks, {"run": "1"}) as sent:
        assert (sent.size, sent.sha256) == (len(CONTENT), DIGEST)
        return sent.complete()


def content(object_store: ObjectStore, bucket: str) -> bytes:
    return object_store.client(object_store.admin).get_object(Bucket=bucket, Key=NAME)["Body"].read()


def test_a_stream_becomes_an_object_and_is_what_it_was(store: Store, object_store: ObjectStore) -> None:
    done = stored(store)
    client = object_store.client(object_store.admin)
    there = client.get_object(Bucket=store.bucket, Key=NAME)
    assert there["Body"].read() == CONTENT
    assert there["Metadata"]["run"] == "1"
    assert (done.size, done.sha256, done.version_id) == (len(CONTENT), DIGEST, there["VersionId"])
    assert replace(done, sha256=None) == replace(store.named(NAME), sha256=None)
    assert left(object_store, store.bucket) == [NAME]


def test_parts_grow_as_they_get_more(store: Store, object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "_PARTS_OF_A_SIZE", 1)
    stored(store)
    told = object_store.client(object_store.admin).get_object_attributes(
        Bucket=store.bucket, Key=NAME, ObjectAttributes=["ObjectParts"]
    )
    assert [part["Size"] for part in told["ObjectParts"]["Parts"]] == [5 * MIB, 10 * MIB, 3 * MIB]
    assert content(object_store, store.bucket) == CONTENT


def test_as_many_parts_as_s3_takes_hold_5_tb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    sizes = [part_size(number) for number in range(1, 10_001)]
    assert sum(sizes) >= 5e12
    assert sizes == sorted(sizes)
    assert (sizes[0], sizes[-1]) == (16 * MIB, 2048 * MIB)  # S3 takes 5 MiB to 5 GiB


def test_two_parts_are_under_way_at_once_and_little_is_pulled_ahead(store: Store) -> None:
    both, lock, now, most, pulled, sent = threading.Barrier(2), threading.Lock(), 0, 0, 0, 0

    def begins(**_: object) -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        both.wait(20)

    def ends(**_: object) -> None:
        nonlocal now, sent
        with lock:
            now, sent = now - 1, sent + 1

    def source() -> Iterator[bytes]:
        nonlocal pulled
        for _ in range(40):
            yield bytes(MIB)
            pulled += 1
            assert pulled - 5 * sent <= 16  # two parts of 5 MiB are sent, one waits, and a block

    store.client.meta.events.register("before-call.s3.UploadPart", begins)
    store.client.meta.events.register("after-call.s3.UploadPart", ends)
    with streamed(store, NAME, source(), {}):
        pass
    assert most == 2


def test_what_was_sent_is_no_object_before_it_is_completed(store: Store, object_store: ObjectStore) -> None:
    with streamed(store, NAME, cut(), {}):
        assert left(object_store, store.bucket) == [f"part of {NAME}"]
    assert left(object_store, store.bucket) == []


@pytest.mark.parametrize("after", [0, 1, 11 * MIB, len(CONTENT)])
def test_a_stream_that_breaks_off_leaves_nothing(store: Store, object_store: ObjectStore, after: int) -> None:
    def broken() -> Iterator[bytes]:
        yield CONTENT[:after]
        raise LookupError("gpg is gone")

    with pytest.raises(LookupError, match="gpg is gone"):
        stored(store, broken())
    assert left(object_store, store.bucket) == []
    assert not [one for one in threading.enumerate() if one.name.startswith("dmrefresh-upload")]


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
@pytest.mark.parametrize("after", [1, 6 * MIB, 17 * MIB])
def test_a_signal_before_it_is_completed_leaves_nothing(store: Store, object_store: ObjectStore, after: int) -> None:
    def source() -> Iterator[bytes]:
        yield CONTENT[:after]
        os.kill(os.getpid(), signal.SIGUSR1)
        yield CONTENT[after:]

    with pytest.raises(_Signalled):
        stored(store, source())
    assert left(object_store, store.bucket) == []


def test_an_object_of_that_name_is_left_as_it_is_and_nothing_is_pulled(store: Store, object_store: ObjectStore) -> None:
    first = stored(store)

    def untouched() -> Iterator[bytes]:
        raise AssertionError("was pulled")
        yield b""  # type: ignore[unreachable]

    with pytest.raises(Busy, match=f"There is a {NAME} in the bucket"):
        stored(store, untouched())
    assert left(object_store, store.bucket) == [NAME]
    assert store.named(NAME).version_id == first.version_id


def test_of_two_at_once_the_first_that_is_complete_is_stored(store: Store, object_store: ObjectStore) -> None:
    with streamed(store, NAME, cut(), {}) as one, streamed(store, NAME, cut(CONTENT[::-1]), {}) as two:
        done = two.complete()
        with pytest.raises(Busy) as caught:
            one.complete()
    assert caught.value.exit_code == 11
    assert content(object_store, store.bucket) == CONTENT[::-1]
    assert store.named(NAME).version_id == done.version_id
    assert left(object_store, store.bucket) == [NAME]
    versions = object_store.client(object_store.admin).list_object_versions(Bucket=store.bucket)["Versions"]
    assert len(versions) == 1


def asking(first_words: bytes, then: Callable[[], bytes | None]) -> Callable[[int, int, bytes], bytes | None]:
    """What a proxy does with a request that begins so, and holds an upload's name."""

    def question(connection: int, offset: int, block: bytes) -> bytes | None:
        line = block.split(b"\r\n", 1)[0]
        return then() if line.startswith(first_words) and b"uploadId=" in line else block

    return question


def test_a_part_that_does_not_get_through_leaves_nothing(store: Store, object_store: ObjectStore, proxy: Proxy) -> None:
    proxy.question = asking(b"PUT", lambda: None)
    with pytest.raises(BackupNotStored, match="S3 does not answer") as caught:
        stored(through(proxy, store))
    assert (caught.value.exit_code, caught.value.retry) == (24, True)
    assert left(object_store, store.bucket) == []


def test_a_part_that_is_cut_off_once_is_sent_again(store: Store, object_store: ObjectStore, proxy: Proxy) -> None:
    cuts = iter([None, None])

    def flaky(connection: int, offset: int, block: bytes) -> bytes | None:
        return next(cuts, block) if 1 * MIB < offset < 4 * MIB else block

    proxy.question = flaky
    stored(through(proxy, store))
    assert next(cuts, "used") == "used"
    assert content(object_store, store.bucket) == CONTENT
    assert left(object_store, store.bucket) == [NAME]


def test_a_part_that_is_changed_on_its_way_is_no_part(store: Store, object_store: ObjectStore, proxy: Proxy) -> None:
    def changed(connection: int, offset: int, block: bytes) -> bytes:
        return block[:-1] + bytes([block[-1] ^ 1]) if 1 * MIB < offset < 1.1 * MIB else block

    proxy.question = changed
    with pytest.raises(BackupNotStored):
        stored(through(proxy, store))
    assert left(object_store, store.bucket) == []


def test_an_object_that_was_completed_though_the_answer_was_lost_is_known_for_ours(
    store: Store, object_store: ObjectStore, proxy: Proxy
) -> None:
    lost = []

    def losing(connection: int, offset: int, block: bytes) -> bytes | None:
        if b"CompleteMultipartUploadResult" in block:
            lost.append(connection)
            return None
        return block

    proxy.answer = losing
    done = stored(through(proxy, store))
    assert lost
    assert done.version_id == store.named(NAME).version_id
    assert content(object_store, store.bucket) == CONTENT
    assert left(object_store, store.bucket) == [NAME]


def test_a_request_that_is_late_makes_an_object_that_is_known_for_ours(
    store: Store, object_store: ObjectStore, proxy: Proxy
) -> None:
    late: list[str | None] = []
    with streamed(through(proxy, store), NAME, cut(), {}) as sent:

        def losing(connection: int, offset: int, block: bytes) -> bytes | None:
            line = block.split(b"\r\n", 1)[0]
            if b"uploadId=" in line and line.startswith(b"DELETE") and not late:
                late.append(replace(sent.parts, store=store).complete())
            return None if b"uploadId=" in line and line.startswith(b"POST") else block

        proxy.question = losing
        done = sent.complete()
    assert late == [done.version_id]
    assert content(object_store, store.bucket) == CONTENT
    assert left(object_store, store.bucket) == [NAME]


def test_where_the_parts_cannot_be_thrown_away_it_is_not_known_whether_they_become_an_object(
    store: Store, object_store: ObjectStore, proxy: Proxy
) -> None:
    def losing(connection: int, offset: int, block: bytes) -> bytes | None:
        line = block.split(b"\r\n", 1)[0]
        return None if b"uploadId=" in line and line.startswith((b"POST", b"DELETE")) else block

    proxy.question = losing
    with pytest.raises(CommitInDoubt):
        stored(through(proxy, store))


@pytest.fixture
def heard() -> Iterator[None]:
    """SIGTERM ends what runs, as in the whole program."""
    before = {number: signal.getsignal(number) for number in (*signals._ENDING, signal.SIGALRM)}
    signals.install()
    yield
    signals.go_on()
    signal.setitimer(signal.ITIMER_REAL, 0)
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("heard")
@pytest.mark.parametrize("moment", ["after-call.s3.CreateMultipartUpload", "before-call.s3.AbortMultipartUpload"])
def test_a_signal_between_two_requests_leaves_no_part(store: Store, object_store: ObjectStore, moment: str) -> None:
    def broken() -> Iterator[bytes]:
        yield CONTENT[: 6 * MIB]
        raise LookupError("gpg is gone")

    store.client.meta.events.register(moment, lambda **_: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(signals.Interrupted):
        stored(store, broken())
    assert left(object_store, store.bucket) == []


@pytest.mark.fault("80j")
@pytest.mark.usefixtures("heard")
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"], ids=["the beginning", "a part", "the end"])
def test_a_signal_ends_what_s3_does_not_answer_without_waiting_for_it(
    store: Store, object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    def broken() -> Iterator[bytes]:
        yield CONTENT[: 12 * MIB]
        if method == "DELETE":
            raise LookupError("gpg is gone")

    monkeypatch.setattr(multipart, "_FAREWELL", 0)
    monkeypatch.setattr(stage, "_FAREWELL", 0)
    with Front(object_store) as front:
        front.always(Answer(method).stall())
        front.script(Answer(method).do(lambda: os.kill(os.getpid(), signal.SIGTERM)).stall())
        with pytest.raises(signals.Interrupted):
            stored(Store(store.bucket, endpoint_url=front.url), broken())
        asked = [one.query.get("partNumber") for one in front.requests if one.method == method]
    assert asked
    assert len(asked) == len(set(asked))  # nothing was waited for until it was asked again


def test_what_could_not_be_completed_leaves_nothing(store: Store, object_store: ObjectStore, proxy: Proxy) -> None:
    proxy.question = asking(b"POST", lambda: None)
    with pytest.raises(BackupNotStored) as caught:
        stored(through(proxy, store))
    assert caught.value.retry
    assert left(object_store, store.bucket) == []


def test_where_s3_says_nothing_any_more_it_is_not_known_whether_it_is_stored(
    store: Store, object_store: ObjectStore, proxy: Proxy
) -> None:
    def silent() -> None:
        proxy.upstream = ("127.0.0.1", 1)

    proxy.question = asking(b"POST", silent)
    with pytest.raises(CommitInDoubt) as caught:
        stored(through(proxy, store))
    assert "whole, or not at all" in caught.value.state


def test_what_is_stored_otherwise_than_it_was_sent_is_damaged(store: Store) -> None:
    with streamed(store, NAME, cut(), {}) as sent, pytest.raises(DumpDamaged, match="is not what was sent"):
        replace(sent, size=sent.size + 1).complete()


def test_a_store_whose_checksum_is_another_has_something_else(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with streamed(store, NAME, cut(), {}) as sent:
        sent.parts._digests[1] = bytes(32)
        with pytest.raises(DumpDamaged, match="is not what was sent"):
            sent.complete()


def test_nothing_is_no_backup(store: Store, object_store: ObjectStore) -> None:
    with pytest.raises(BackupNotStored, match="Nothing came"), streamed(store, NAME, [b""], {}):
        pass
    assert left(object_store, store.bucket) == []


def test_each_refusal_says_what_is_missing(
    store: Store, object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BackupNotStored, match="no bucket digitalmarketplace-cleaned-nowhere"):
        stored(Store("digitalmarketplace-cleaned-nowhere", endpoint_url=object_store.endpoint_url))
    act_as(object_store.developers, monkeypatch)
    with pytest.raises(BackupNotStored) as caught:
        stored(Store(store.bucket, endpoint_url=object_store.endpoint_url))
    assert "AbortMultipartUpload" in str(caught.value.hint)
    assert not caught.value.retry
    act_as(object_store.jobs, monkeypatch)
    with pytest.raises(BackupNotStored) as caught:
        stored(Store(store.bucket, endpoint_url="http://127.0.0.1:1"))
    assert caught.value.retry


def test_it_says_that_the_bucket_s_owner_has_it(store: Store) -> None:
    said: list[Any] = []

    def note(request: Any, **_: object) -> None:
        if request.method == "POST" and request.url.endswith("?uploads"):
            said.append(request.headers.get("x-amz-acl"))

    store.client.meta.events.register("before-send.s3", note)
    stored(store)
    assert [one.decode() if isinstance(one, bytes) else one for one in said] == ["bucket-owner-full-control"]


def test_without_credentials_no_right_is_asked_for_but_a_log_in(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(BackupNotStored, match="There are no AWS credentials for ") as caught:
        stored(Store(store.bucket, endpoint_url=store.endpoint_url))
    assert caught.value.hint == "set AWS_PROFILE, or log in"
