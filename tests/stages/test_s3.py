"""A download arrives byte for byte, whatever the store and the way to it do, or says what is wrong."""

from __future__ import annotations

import base64
import hashlib
import random
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from mypy_boto3_s3 import S3Client
from mypy_boto3_s3.type_defs import CompletedPartTypeDef

from dmrefresh.bucket.store import DumpRef, Gone, NoCredentials, Replaced, SourceRefused, Store
from dmrefresh.errors import DumpDamaged, Failure, NoSuchDump, SourceUnreachable
from dmrefresh.stages.s3 import fetch
from fixtures.parts.seaweedfs import ObjectStore
from tests.answers import Answer, Request, get
from tests.front import Front
from tests.proof import Proof
from tests.proxy import Proxy

BODY = random.Random(11).randbytes(3_000_000)
HALF = 1_500_000
SHA256 = hashlib.sha256(BODY).hexdigest()


@pytest.fixture(scope="module")
def admin(object_store: ObjectStore) -> S3Client:
    return object_store.client(object_store.admin)


@pytest.fixture(scope="module")
def _front(object_store: ObjectStore) -> Iterator[Front]:
    with Front(object_store) as running:
        yield running


@pytest.fixture(scope="module")
def store(_front: Front) -> Iterator[Store]:
    """The bucket behind the front, for a job that takes a second and a half of silence for a broken connection."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", _front.store.jobs.access_key)
        patch.setenv("AWS_SECRET_ACCESS_KEY", _front.store.jobs.secret_key)
        yield Store(_front.store.bucket, "eu-west-1", _front.url, silence=1.5)


@pytest.fixture
def front(_front: Front) -> Front:
    _front.forget()
    return _front


@pytest.fixture
def dump(store: Store, admin: S3Client, front: Front) -> DumpRef:
    """As it was found, in a bucket that keeps no versions as far as the download knows."""
    return stored(store, admin, Metadata={"sha256": SHA256})


def stored(store: Store, admin: S3Client, **options: object) -> DumpRef:
    key = f"fetch{uuid4().hex[:12]}-202611220300.sql.gz.gpg"
    admin.put_object(Bucket=store.bucket, Key=key, Body=BODY, **options)  # type: ignore[arg-type]
    return replace(store.named(key), version_id=None)


def refused(store: Store, dump: DumpRef) -> Failure:
    """The failure that a download ends with; what came before it is of the object, from its beginning."""
    received: list[bytes] = []
    with pytest.raises(Failure) as caught:
        received.extend(fetch(store, dump))
    assert BODY.startswith(b"".join(received))
    return caught.value


def ranges(front: Front) -> list[int]:
    """From which bytes on it was asked for; each time for that very object."""
    assert len({request.if_match for request in front.gets()}) == 1
    return [request.range_from for request in front.gets()]


def test_every_byte_of_the_object_arrives(store: Store, dump: DumpRef, front: Front) -> None:
    assert b"".join(fetch(store, dump)) == BODY
    (asked,) = front.gets()
    assert (asked.if_match, asked.version, "range" in asked.headers) == (dump.etag, None, False)


@pytest.mark.fault("58b")
@pytest.mark.parametrize("versions", [True, False], ids=["of its version", "of its content"])
@pytest.mark.parametrize("at", [0, 1, 499_999, HALF, 2_999_999])
def test_a_read_that_is_cut_short_goes_on_at_the_byte(
    store: Store, dump: DumpRef, front: Front, at: int, versions: bool, proof: Proof
) -> None:
    dump = store.named(dump.key) if versions else dump
    front.script(get().send(at).cut())
    assert b"".join(fetch(store, dump)) == BODY
    first, second = front.gets()
    assert second.headers.get("range") == (f"bytes={at}-" if at else None)
    assert (first.if_match, second.if_match) == (dump.etag, dump.etag)
    assert first.version == second.version == dump.version_id
    assert (dump.version_id is not None) is versions
    proof.happened("asked for the rest of the same object, and whole")


def test_cuts_go_on_for_as_long_as_something_comes_between_them(store: Store, dump: DumpRef, front: Front) -> None:
    front.script(*get().send(100_000).cut().times(20), *get().send(5).cut().times(20))
    assert b"".join(fetch(store, dump)) == BODY
    assert len(ranges(front)) == 41


@pytest.mark.fault("59f")
def test_a_way_that_breaks_after_a_few_bytes_each_time_is_given_up(
    store: Store, dump: DumpRef, front: Front, proof: Proof, monkeypatch: pytest.MonkeyPatch
) -> None:
    front.script(get().send(HALF).cut())
    front.always(get().send(1).cut())
    monkeypatch.setattr(store, "silence", 0.05)
    failure = refused(store, dump)
    assert isinstance(failure, SourceUnreachable)
    assert failure.retry
    assert re.match(f"The download of {dump.key} stands still at byte 1500... of 3000000\\. ", failure.what)
    proof.happened(failure.what)


WAYS = {
    "reset": get().send(HALF).reset(),
    "silent in the middle": get().send(HALF).stall(),
    "silent from the first": get().stall(),
    "silent after the headers": get().send(0).stall(),
    "a byte now and then": get().send(HALF).dribble(0.01),
}


@pytest.mark.parametrize(
    "way",
    [
        pytest.param("reset", marks=pytest.mark.fault("59c")),
        pytest.param("silent in the middle", marks=pytest.mark.fault("59d")),
        pytest.param("silent from the first", marks=pytest.mark.fault("59d")),
        pytest.param("silent after the headers", marks=pytest.mark.fault("59d")),
        pytest.param("a byte now and then", marks=pytest.mark.fault("59e")),
    ],
)
def test_what_is_as_good_as_broken_is_noticed_and_goes_on(
    store: Store, dump: DumpRef, front: Front, way: str, proof: Proof
) -> None:
    front.script(WAYS[way])
    assert b"".join(fetch(store, dump)) == BODY
    assert not front.left
    begun = ranges(front)
    assert len(begun) == 2
    if way != "reset":  # which takes with it what nobody has read yet
        # What came, came: not one byte of it is asked for again.
        assert (begun[1] >= HALF) is (way not in ("silent from the first", "silent after the headers"))
    proof.happened("noticed, and resumed")


def test_a_slow_reader_is_not_taken_for_a_slow_store(store: Store, dump: DumpRef, front: Front) -> None:
    received = []
    for block in fetch(store, dump):
        received.append(block)
        time.sleep(0.2)
    assert b"".join(received) == BODY
    assert len(received) * 0.2 > store.silence
    assert ranges(front) == [0]


NOTHING = {
    "it is reset": get().reset(),
    "it is cut": get().send(0).cut(),
    "nobody answers": get().stall(),
    "nothing comes": get().send(0).stall(),
    "next to nothing comes": get().send(0).dribble(0.1),
    "it cannot now": get().status(503, "SlowDown"),
}


@pytest.mark.parametrize("nothing", NOTHING)
@pytest.mark.fault("59f")
def test_a_download_that_comes_to_nothing_is_given_up_and_says_where(
    store: Store, dump: DumpRef, front: Front, nothing: str, proof: Proof, monkeypatch: pytest.MonkeyPatch
) -> None:

    def hasten() -> None:
        """What comes to nothing is noticed sooner; what comes has all its time, however slow the machine is."""
        monkeypatch.setitem(vars(store), "reader", replace(store, silence=0.2).reader)
        monkeypatch.setattr(store, "silence", 0.2)

    front.script(get().send(HALF).do(hasten).cut())
    front.always(NOTHING[nothing])
    failure = refused(store, dump)
    assert isinstance(failure, SourceUnreachable)
    assert failure.retry
    assert re.match(f"The download of {dump.key} stands still at byte 15000.. of 3000000\\. .*\\.$", failure.what)
    assert len(front.gets()) == 1 + 6
    proof.happened(failure.what)


@pytest.mark.fault("57d")
@pytest.mark.parametrize(
    ("status", "code"), [(500, "InternalError"), (503, "SlowDown"), (429, "x"), (400, "RequestTimeout")]
)
def test_a_store_that_cannot_now_is_waited_for_with_what_was_downloaded_kept(
    store: Store, dump: DumpRef, front: Front, status: int, code: str, proof: Proof
) -> None:
    front.script(*get().status(status, code).times(2), get().send(HALF).cut())
    front.script(*get(range_from=HALF).status(status, code).times(4))
    assert b"".join(fetch(store, dump)) == BODY
    assert ranges(front) == [0] * 3 + [HALF] * 5
    proof.happened("waited for, and resumed")


@pytest.mark.fault("57d")
def test_a_store_that_is_away_for_a_moment_is_waited_for(
    object_store: ObjectStore, store: Store, dump: DumpRef, front: Front, proof: Proof
) -> None:
    """Its port refuses connections, as while it is restarted."""
    with Proxy(urlsplit(front.url).port or 0) as proxy:
        listening = proxy.port
        there = replace(store, endpoint_url=f"http://127.0.0.1:{listening}", silence=3.0)
        blocks = fetch(there, dump)
        front.script(get().send(HALF).stall())
        received = [next(blocks)]
    again: list[Proxy] = []

    def comes_back() -> None:
        time.sleep(0.3)
        again.append(_at(listening, front).__enter__())

    thread = threading.Thread(target=comes_back)
    thread.start()
    received.extend(blocks)
    thread.join()
    again[0].__exit__(None, None, None)
    assert b"".join(received) == BODY
    assert ranges(front)[0] == 0
    assert min(ranges(front)[1:]) > 0
    proof.happened("waited for, and resumed")


def _at(port: int, front: Front) -> Proxy:
    made = Proxy(urlsplit(front.url).port or 0)
    made._listener.close()
    until = time.monotonic() + 30
    while True:
        try:
            made._listener, made.port = socket.create_server(("127.0.0.1", port)), port
            return made
        except OSError:  # somebody's connection has begun at that port meanwhile
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


@pytest.mark.fault("57e")
def test_an_error_whose_own_text_breaks_off_is_no_fault_of_ours(
    store: Store, dump: DumpRef, front: Front, proof: Proof
) -> None:
    front.script(get().status(503, "SlowDown").header("Content-Length", "5000"))
    assert b"".join(fetch(store, dump)) == BODY
    proof.happened("asked again")


LIES = {
    "the whole again": (get(range_from=HALF).whole(), "did not resume"),
    "another beginning": (get(range_from=HALF).header("Content-Range", "bytes 0-1499999/3000000"), "did not resume"),
    "another end": (get(range_from=HALF).header("Content-Range", f"bytes {HALF}-2999998/3000000"), "did not resume"),
    "another total": (get(range_from=HALF).header("Content-Range", f"bytes {HALF}-2999999/3000001"), "not what it was"),
    "nothing of a range": (get(range_from=HALF).header("Content-Range", "nonsense"), "did not resume"),
    "another ETag": (get(range_from=HALF).header("ETag", '"d41d8cd98f00b204e9800998ecf8427e"'), "not what it was"),
}


@pytest.mark.parametrize(
    "lie",
    [
        pytest.param("the whole again", marks=pytest.mark.fault("62b")),
        pytest.param("another beginning", marks=pytest.mark.fault("62c")),
        pytest.param("another end", marks=pytest.mark.fault("62c")),
        pytest.param("another total", marks=pytest.mark.fault("62c")),
        pytest.param("nothing of a range", marks=pytest.mark.fault("62c")),
        pytest.param("another ETag", marks=pytest.mark.fault("62d")),
    ],
)
def test_what_is_not_the_rest_of_the_object_is_never_put_after_its_beginning(
    store: Store, dump: DumpRef, front: Front, lie: str, proof: Proof
) -> None:
    answer, says = LIES[lie]
    front.script(get().send(HALF).cut(), answer)
    failure = refused(store, dump)
    assert isinstance(failure, SourceUnreachable)
    assert failure.retry
    assert says in failure.what
    assert isinstance(failure, Replaced) is (says == "not what it was")
    assert ranges(front) == [0, HALF]
    proof.happened(failure.what)


@pytest.mark.fault("62d", "62e")
def test_another_object_than_was_found_is_told_before_a_byte_of_it_is_taken(
    store: Store, dump: DumpRef, front: Front, proof: Proof
) -> None:
    front.script(get().header("ETag", '"another"'))
    assert isinstance(refused(store, dump), Replaced)
    shorter = replace(dump, size=dump.size - 1)
    for other in (shorter, replace(dump, size=dump.size + 1)):
        failure = refused(store, other)
        assert isinstance(failure, Replaced)
        assert failure.exit_code == 20
        proof.happened(failure.what)


@pytest.mark.fault("62e")
def test_more_bytes_than_the_object_has_are_damage_and_none_too_many_is_handed_on(
    store: Store, dump: DumpRef, front: Front, proof: Proof
) -> None:
    front.script(get().unmeasured().and_more(b"more"))
    received: list[bytes] = []
    with pytest.raises(DumpDamaged, match="more were received"):
        received.extend(fetch(store, dump))
    assert BODY.startswith(b"".join(received))
    proof.happened("exit 13: more bytes than it has")


@pytest.mark.fault("62e")
def test_a_store_that_sends_no_length_is_held_to_the_one_that_was_found(
    store: Store, dump: DumpRef, front: Front, proof: Proof
) -> None:
    front.script(get().unmeasured().send(HALF).cut())
    assert b"".join(fetch(store, dump)) == BODY
    assert ranges(front) == [0, HALF]
    proof.happened("resumed")


@pytest.mark.fault("60b")
def test_two_objects_of_a_name_are_never_spliced(
    store: Store, dump: DumpRef, front: Front, admin: S3Client, proof: Proof
) -> None:
    front.script(get().send(HALF).do(lambda: admin.put_object(Bucket=dump.bucket, Key=dump.key, Body=BODY[::-1])).cut())
    failure = refused(store, dump)
    assert isinstance(failure, Replaced)
    assert (failure.exit_code, failure.retry) == (20, True)
    assert "was replaced while it was read" in failure.what
    proof.happened(failure.what)


@pytest.mark.fault("60b")
def test_the_version_that_was_found_is_read_though_a_newer_one_came(
    store: Store, dump: DumpRef, front: Front, admin: S3Client, proof: Proof
) -> None:
    front.script(get().send(HALF).do(lambda: admin.put_object(Bucket=dump.bucket, Key=dump.key, Body=b"newer")).cut())
    assert b"".join(fetch(store, store.named(dump.key))) == BODY
    proof.happened("the version that was found, whole")


@pytest.mark.fault("61b")
def test_an_object_that_is_deleted_while_it_is_read_is_told_as_that(
    store: Store, dump: DumpRef, front: Front, admin: S3Client, proof: Proof
) -> None:
    version = admin.head_object(Bucket=dump.bucket, Key=dump.key)["VersionId"]
    deed: Callable[[], object] = lambda: admin.delete_object(Bucket=dump.bucket, Key=dump.key, VersionId=version)  # noqa: E731
    front.script(get().send(HALF).do(deed).cut())
    failure = refused(store, dump)
    assert isinstance(failure, Gone)
    assert isinstance(failure, NoSuchDump)
    assert (failure.exit_code, failure.retry) == (10, True)
    assert ranges(front) == [0, HALF]
    proof.happened(failure.what)


def flips(*, resumed: bool) -> tuple[Answer, ...]:
    """A byte is changed on the way: where the whole is asked for, or where the rest is."""
    return (get().send(HALF).cut(), get(range_from=HALF).flip(2_000_000)) if resumed else (get().flip(2_000_000),)


@pytest.mark.parametrize("resumed", [False, True], ids=["at once", "after a break"])
@pytest.mark.fault("63b")
def test_a_byte_changed_on_the_way_is_found_by_the_digest_that_is_noted(
    store: Store, dump: DumpRef, front: Front, resumed: bool, proof: Proof
) -> None:
    front.script(*flips(resumed=resumed))
    with pytest.raises(DumpDamaged, match="not the one that is noted with it, or beside it") as caught:
        list(fetch(store, dump))
    assert "dmrefresh dumps" in str(caught.value.hint)
    proof.happened(f"exit {caught.value.exit_code}: {caught.value.what}")


@pytest.mark.parametrize("resumed", [False, True], ids=["at once", "after a break"])
@pytest.mark.parametrize("kind", ["SHA256", "SHA1", "CRC32"])
@pytest.mark.fault("63b")
def test_a_byte_changed_on_the_way_is_found_by_the_checksum_that_the_store_keeps(
    store: Store, admin: S3Client, front: Front, kind: str, resumed: bool, proof: Proof
) -> None:
    dump = stored(store, admin, ChecksumAlgorithm=kind)
    assert b"".join(fetch(store, dump)) == BODY
    front.script(*flips(resumed=resumed))
    with pytest.raises(DumpDamaged, match="the checksum that S3 keeps") as caught:
        list(fetch(store, dump))
    proof.happened(f"exit {caught.value.exit_code}: {caught.value.what}")


@pytest.mark.fault("63b")
def test_a_checksum_of_checksums_is_not_taken_for_one_of_the_bytes_and_the_digest_that_is_noted_counts(
    store: Store, admin: S3Client, front: Front, proof: Proof
) -> None:
    bucket, key = store.bucket, f"parts{uuid4().hex[:12]}-202611220300.sql.gz.gpg"
    made = admin.create_multipart_upload(
        Bucket=bucket, Key=key, ChecksumAlgorithm="SHA256", Metadata={"sha256": SHA256}
    )["UploadId"]
    digest = base64.b64encode(hashlib.sha256(BODY).digest()).decode()
    part = admin.upload_part(Bucket=bucket, Key=key, UploadId=made, PartNumber=1, Body=BODY, ChecksumSHA256=digest)
    parts: list[CompletedPartTypeDef] = [{"PartNumber": 1, "ETag": part["ETag"], "ChecksumSHA256": digest}]
    admin.complete_multipart_upload(Bucket=bucket, Key=key, UploadId=made, MultipartUpload={"Parts": parts})
    dump = store.named(key)
    assert b"".join(fetch(store, dump)) == BODY
    front.script(*flips(resumed=True))
    with pytest.raises(DumpDamaged, match="noted"):
        list(fetch(store, dump))
    composite = base64.b64encode(b"\0" * 32).decode() + "-2"
    front.script(get().header("x-amz-checksum-sha256", composite))
    assert b"".join(fetch(store, dump)) == BODY
    proof.happened("exit 13 by the digest that is noted")


def test_another_object_than_was_noted_is_told_with_what_to_do(store: Store, dump: DumpRef) -> None:
    with pytest.raises(DumpDamaged, match="not the one that is noted with it, or beside it"):
        list(fetch(store, replace(dump, sha256="0" * 64)))
    assert b"".join(fetch(store, replace(dump, sha256=SHA256.upper()))) == BODY


REFUSALS = {
    "expired": (400, "ExpiredToken", "have expired", "log in again"),
    "forbidden": (403, "AccessDenied", r"refuses .* \(AccessDenied\)", "List and Get"),
    "no such key of AWS": (403, "InvalidAccessKeyId", "refuses", "right account"),
    "archived": (403, "InvalidObjectState", "is archived", "restore"),
    "KMS": (400, "KMS.DisabledException", "KMS key", "kms:Decrypt"),
    "elsewhere": (301, "PermanentRedirect", "another region", "region"),
    "elsewhere for now": (307, "TemporaryRedirect", "another region", "region"),
    "signed for elsewhere": (400, "AuthorizationHeaderMalformed", "another region", "region"),
}


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param("expired", marks=pytest.mark.fault("65a")),
        pytest.param("forbidden", marks=pytest.mark.fault("65b")),
        "no such key of AWS",
        pytest.param("archived", marks=pytest.mark.fault("65c")),
        pytest.param("KMS", marks=pytest.mark.fault("65d")),
        pytest.param("elsewhere", marks=pytest.mark.fault("66b")),
        pytest.param("elsewhere for now", marks=pytest.mark.fault("66b")),
        pytest.param("signed for elsewhere", marks=pytest.mark.fault("66b")),
    ],
)
@pytest.mark.parametrize("at", [0, HALF], ids=["at once", "in the middle"])
def test_a_refusal_is_told_for_what_it_is_and_not_tried_again(
    store: Store, dump: DumpRef, front: Front, kind: str, at: int, proof: Proof
) -> None:
    status, code, says, hint = REFUSALS[kind]
    if at:
        front.script(get().send(at).cut())
    front.always(get().status(status, code))
    failure = refused(store, dump)
    assert isinstance(failure, SourceRefused)
    assert isinstance(failure, NoCredentials) is (kind == "expired")
    assert (failure.exit_code, failure.retry) == (20, False)
    assert re.search(says, failure.what)
    assert hint in str(failure.hint)
    assert len(front.gets()) == (2 if at else 1)
    proof.happened(failure.what)


@pytest.mark.fault("65d")
def test_a_key_of_kms_that_may_not_be_used_is_told_by_its_kind_and_not_by_its_name(
    store: Store, dump: DumpRef, front: Front, proof: Proof
) -> None:
    said = (
        b"User: arn:aws:iam::1234:role/x is not authorized to perform: kms:Decrypt on arn:aws:kms:eu-west-1:1234:key/y"
    )
    front.always(get().says(403, b"<Error><Code>AccessDenied</Code><Message>" + said + b"</Message></Error>"))
    failure = refused(store, dump)
    assert isinstance(failure, SourceRefused)
    assert "KMS key" in failure.what
    assert "1234" not in f"{failure.what} {failure.hint}"
    proof.happened(failure.what)


@pytest.mark.fault("66b")
def test_the_region_that_s3_names_is_named(store: Store, dump: DumpRef, front: Front, proof: Proof) -> None:
    def told(request: Request) -> Answer | None:
        answer = get().says(301, b"<Error><Code>PermanentRedirect</Code></Error>")
        return replace(answer, method=None).header("x-amz-bucket-region", "eu-west-2")

    front.always(told)
    failure = refused(store, dump)
    assert "eu-west-2" in str(failure.hint)
    assert not failure.retry
    proof.happened(failure.what)
