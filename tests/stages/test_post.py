"""A presigned POST, against the real policy check of the store."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from dmrefresh.bucket.presigned import Presigned, read_presigned
from dmrefresh.jobs.backup.presign import presign
from dmrefresh.settings.dumps import Dumps
from dmrefresh.settings.model import Settings
from dmrefresh.stages.post import PostFailed, post
from fixtures.parts.seaweedfs import Credentials, ObjectStore
from tests.proxy import Proxy

CONTENT = os.urandom(3 << 20)
DIGEST = hashlib.sha256(CONTENT).hexdigest()
MINUTES = iter(range(10, 60))

Sign = Callable[..., Presigned]


@pytest.fixture
def sign(object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> Sign:
    """Signs for an object of its own, as the backup's job or as somebody else."""
    name = f"post-2026112203{next(MINUTES)}.sql.gz.gpg"
    settings = Settings(dumps=Dumps(bucket=object_store.bucket, endpoint_url=object_store.endpoint_url))

    def one(who: Credentials = object_store.jobs, *, seconds: int = 600, largest: int = 5 << 30) -> Presigned:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", who.access_key)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", who.secret_key)
        signed = presign(settings, name, timedelta(seconds=seconds), largest=largest)
        return read_presigned(signed.text, name, "S3_POST_URL_DATA")

    return one


@pytest.fixture
def proxy(object_store: ObjectStore) -> Iterator[Proxy]:
    with Proxy(urlsplit(object_store.endpoint_url).port or 0) as running:
        yield running


def through(proxy: Proxy, signed: Presigned) -> Presigned:
    """What is signed says nothing of the address."""
    return dataclasses.replace(signed, url=f"http://127.0.0.1:{proxy.port}{urlsplit(signed.url).path}")


def with_field(signed: Presigned, name: str, value: str) -> Presigned:
    return dataclasses.replace(signed, fields={**signed.fields, name: value})


def send(signed: Presigned, content: bytes = CONTENT) -> None:
    post(signed, io.BytesIO(content), len(content), hashlib.sha256(content).hexdigest())


def stored(object_store: ObjectStore, key: str) -> list[bytes]:
    """Every version of an object."""
    client = object_store.client(object_store.admin)
    found = client.list_object_versions(Bucket=object_store.bucket, Prefix=key).get("Versions", [])
    return [
        client.get_object(Bucket=object_store.bucket, Key=key, VersionId=one["VersionId"])["Body"].read()
        for one in found
    ]


def test_a_file_is_stored_with_its_digest(sign: Sign, object_store: ObjectStore) -> None:
    signed = sign()
    send(signed)
    assert stored(object_store, signed.key) == [CONTENT]
    head = object_store.client(object_store.admin).head_object(Bucket=object_store.bucket, Key=signed.key)
    assert head["Metadata"] == {"sha256": DIGEST}


def test_a_policy_without_a_place_for_the_digest_is_served_all_the_same(sign: Sign, object_store: ObjectStore) -> None:
    client = object_store.client(object_store.jobs)
    name = sign().key
    made = client.generate_presigned_post(object_store.bucket, name)
    signed = read_presigned(f'{{"url": "{made["url"]}", "fields": {_json(made["fields"])}}}', name, "X")
    assert not signed.takes_digest
    send(signed)
    assert client.head_object(Bucket=object_store.bucket, Key=name)["Metadata"] == {}
    assert stored(object_store, name) == [CONTENT]


def _json(fields: dict[str, str]) -> str:
    return json.dumps(fields)


def refused(signed: Presigned, content: bytes = CONTENT) -> str:
    """What is said, in which nothing is of the form."""
    with pytest.raises(PostFailed) as caught:
        send(signed, content)
    failure = caught.value
    assert (failure.exit_code, failure.retry, failure.in_doubt) == (24, False, False)
    said = f"{failure.what} {failure.hint} {failure.state}"
    assert "Nothing was stored." in said
    for name, value in signed.fields.items():
        assert name in ("key", "acl", "x-amz-algorithm") or value not in said
    return said


@pytest.mark.fault("89a")
@pytest.mark.parametrize(("field", "value"), [("key", "post-209901010000.sql.gz.gpg"), ("acl", "public-read")])
def test_another_name_or_acl_than_was_signed_is_refused(
    sign: Sign, object_store: ObjectStore, field: str, value: str
) -> None:
    signed = with_field(sign(), field, value)
    assert "AccessDenied (Invalid according to Policy: Policy Condition failed)" in refused(signed)
    assert stored(object_store, signed.key) == stored(object_store, "post-209901010000.sql.gz.gpg") == []


@pytest.mark.fault("89a")
def test_too_much_is_refused_and_so_is_nothing(sign: Sign, object_store: ObjectStore) -> None:
    signed = sign(largest=1000)
    said = refused(signed, b"x" * 1001)
    assert "EntityTooLarge" in said
    assert "5 GB" in said
    assert "EntityTooSmall" in refused(signed, b"")
    assert stored(object_store, signed.key) == []
    send(signed, b"x" * 1000)
    assert stored(object_store, signed.key) == [b"x" * 1000]


@pytest.mark.fault("89a")
def test_what_has_expired_is_refused_and_the_way_to_sign_it_for_longer_said(
    sign: Sign, object_store: ObjectStore
) -> None:
    signed = sign(seconds=1)
    while signed.left > timedelta(seconds=-1):
        time.sleep(0.1)
    said = refused(signed)
    assert "AccessDenied (Invalid according to Policy: Policy expired)" in said
    assert "dmrefresh presign --expires" in said
    assert stored(object_store, signed.key) == []


@pytest.mark.fault("89a")
def test_a_wrong_signature_and_a_signer_without_the_right_are_refused(sign: Sign, object_store: ObjectStore) -> None:
    signed = sign()
    assert "SignatureDoesNotMatch" in refused(with_field(signed, "x-amz-signature", "0" * 64))
    assert "AccessDenied" in refused(sign(object_store.developers))
    assert stored(object_store, signed.key) == []


def test_the_file_is_never_whole_in_memory(sign: Sign, tmp_path: Path, object_store: ObjectStore) -> None:
    signed = sign()
    file = tmp_path / "large"
    with file.open("wb") as out:
        for _ in range(200):
            out.write(os.urandom(1 << 20))
    code = (
        "import hashlib, io, resource, sys\n"
        "from dmrefresh.bucket.presigned import read_presigned\n"
        "from dmrefresh.stages.post import post\n"
        "import urllib3\n"
        "text, key, path, size = sys.stdin.read().split('\\n')\n"
        "signed = read_presigned(text, key, 'X')\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "with open(path, 'rb') as file:\n"
        "    post(signed, file, int(size), '0' * 64)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    said = json.dumps({"url": signed.url, "fields": dict(signed.fields)})
    asked = f"{said}\n{signed.key}\n{file}\n{200 << 20}"
    done = subprocess.run([sys.executable, "-c", code], input=asked, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 30_000, "kilobytes more than before"
    client = object_store.client(object_store.admin)
    assert client.head_object(Bucket=object_store.bucket, Key=signed.key)["ContentLength"] == 200 << 20


@pytest.mark.fault("89c")
@pytest.mark.parametrize("after", [0, 100_000, 2_000_000])
def test_a_connection_that_breaks_before_all_is_sent_leaves_nothing(
    sign: Sign, proxy: Proxy, object_store: ObjectStore, after: int
) -> None:
    signed = sign()
    proxy.question = lambda number, offset, block: None if offset + len(block) > after else block
    with pytest.raises(PostFailed) as caught:
        send(through(proxy, signed), CONTENT * 10)
    assert (caught.value.retry, caught.value.in_doubt) == (True, False)
    assert "Nothing was stored." in caught.value.state
    assert stored(object_store, signed.key) == []


@pytest.mark.fault("89c")
def test_a_lost_answer_is_told_as_one_that_nobody_knows(sign: Sign, proxy: Proxy, object_store: ObjectStore) -> None:
    signed = sign()
    proxy.answer = lambda number, offset, block: None
    with pytest.raises(PostFailed) as caught:
        send(through(proxy, signed))
    assert (caught.value.retry, caught.value.in_doubt) == (True, True)
    assert "Nobody knows whether it is stored" in caught.value.state
    assert stored(object_store, signed.key) == [CONTENT]


def answering(status: str, body: str) -> Callable[[int, int, bytes], bytes]:
    said = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode()
    return lambda number, offset, block: said if offset == 0 else b""


@pytest.mark.fault("89d")
def test_an_error_under_the_status_of_a_success_is_a_failure(sign: Sign, proxy: Proxy) -> None:
    body = '<?xml version="1.0"?>\n<Error><Code>InternalError</Code><Message>try again</Message></Error>'
    for status in ("200 OK", "201 Created"):
        proxy.answer = answering(status, body)
        with pytest.raises(PostFailed, match="InternalError") as caught:
            send(through(proxy, sign()))
        assert (caught.value.retry, caught.value.in_doubt) == (True, True)


@pytest.mark.fault("89b")
@pytest.mark.parametrize(
    ("status", "body", "in_doubt"),
    [
        ("503 Slow Down", "<Error><Code>SlowDown</Code></Error>", False),
        ("500 Oh", "<Error><Code>InternalError</Code></Error>", True),
        ("502 Bad Gateway", "<html>by somebody between</html>", True),
    ],
)
def test_an_error_of_the_server_may_heal(sign: Sign, proxy: Proxy, status: str, body: str, in_doubt: bool) -> None:
    proxy.answer = answering(status, body)
    with pytest.raises(PostFailed) as caught:
        send(through(proxy, sign()))
    assert (caught.value.retry, caught.value.in_doubt) == (True, in_doubt)


def test_nothing_that_a_server_sends_back_of_the_form_is_said(sign: Sign, proxy: Proxy) -> None:
    signed = sign()
    signature = signed.fields["x-amz-signature"]
    body = (
        "<Error><Code>SignatureDoesNotMatch</Code><Message>The request signature we calculated does not match</Message>"
        f"<SignatureProvided>{signature}</SignatureProvided><StringToSign>{signed.fields['policy']}</StringToSign></Error>"
    )
    proxy.answer = answering("403 Forbidden", body)
    assert "SignatureDoesNotMatch" in refused(through(proxy, signed))


def test_a_redirect_is_not_followed_with_what_was_signed(sign: Sign, proxy: Proxy) -> None:
    proxy.answer = answering("307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/", "")
    assert "status 307" in refused(through(proxy, sign()))


def test_a_server_that_speaks_no_tls_is_told(sign: Sign) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def hang_up() -> None:
            one, _ = listening.accept()
            one.recv(1 << 16)
            one.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            one.close()

        threading.Thread(target=hang_up, daemon=True).start()
        signed = dataclasses.replace(sign(), url=f"https://127.0.0.1:{listening.getsockname()[1]}/bucket")
        with pytest.raises(PostFailed, match="No TLS can be spoken") as caught:
            send(signed)
    assert not caught.value.in_doubt
