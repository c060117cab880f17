"""What says where a backup may be stored is read, checked, and never shown."""

from __future__ import annotations

import base64
import contextlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmrefresh.bucket.presigned import LIMIT, Presigned, read_presigned
from dmrefresh.errors import UsageFailure

KEY = "production-202611220300.sql.gz.gpg"
SECRET = "c0ffee" * 10


def form(
    conditions: list[Any] | None = None,
    *,
    url: Any = "https://bucket.s3.eu-west-1.amazonaws.com/",
    expiration: Any = "2026-11-22T03:10:00Z",
    **fields: Any,
) -> str:
    policy = {
        "expiration": expiration,
        "conditions": [{"bucket": "bucket"}, {"key": KEY}] if conditions is None else conditions,
    }
    packed = base64.b64encode(json.dumps(policy).encode()).decode()
    return json.dumps({"url": url, "fields": {"key": KEY, "policy": packed, "x-amz-signature": SECRET, **fields}})


def read(text: str) -> Presigned:
    return read_presigned(text, KEY, "S3_POST_URL_DATA")


def test_what_the_policy_says_is_known() -> None:
    said = read(form([{"key": KEY}, ["content-length-range", 1, 1000], ["starts-with", "$x-amz-meta-sha256", ""]]))
    assert said.expires == datetime(2026, 11, 22, 3, 10, tzinfo=UTC)
    assert (said.largest, said.takes_digest) == (1000, True)
    assert said.left < timedelta(0)
    said = read(form(expiration="2999-11-22T03:10:00.000Z"))
    assert (said.largest, said.takes_digest) == (LIMIT, False)
    assert said.left > timedelta(0)


def test_no_range_is_larger_than_what_one_request_takes() -> None:
    assert read(form([["content-length-range", 1, 1 << 50]])).largest == 5_368_709_120


def test_a_digest_is_only_sent_where_any_is_permitted() -> None:
    assert not read(form([["starts-with", "$x-amz-meta-sha256", "ab"]])).takes_digest
    assert not read(form([{"x-amz-meta-sha256": ""}])).takes_digest


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        '"x"',
        "{}",
        '{"url": "https://x/"}',
        '{"url": "https://x/", "fields": []}',
        '{"url": "https://x/", "fields": {}}',
        "[" * 100_000,
        form(policy="!"),
        form(policy=base64.b64encode(b"{}").decode()),
        form(policy=base64.b64encode(b"\xff").decode()),
        form(expiration="soon"),
        form(expiration="2026-11-22T03:10:00"),
        form(expiration=5),
        form([5]),
        form([["eq", "$key"]]),
        form([["content-length-range", 1, "many"]]),
        form(number=5),
        form().replace("x-amz-signature", 'x\\"; filename=\\"y'),
        form(more="a\r\nb"),
        form(url=5),
        form(url="nowhere"),
        form(url="ftp://bucket.example.org/"),
        form(url="https://"),
        form(url="https://user:word@bucket.example.org/"),
        form(url="https://bucket.example.org:99999/"),
        form(url="https://[/"),
        form(url="http://bucket.example.org/"),
        form(key="production-202611220301.sql.gz.gpg"),
        form([{"key": "production-202611220301.sql.gz.gpg"}]),
        form([["starts-with", "$key", "staging-"]]),
        form([{"acl": "private"}], acl="public-read"),
    ],
)
def test_what_is_wrong_names_the_variable_and_never_its_content(text: str) -> None:
    with pytest.raises(UsageFailure) as caught:
        read(text)
    said = f"{caught.value.what} {caught.value.hint}"
    assert "S3_POST_URL_DATA" in said
    for secret in (SECRET, "example.org", "word", "202611220301"):
        assert secret not in said


@given(
    st.recursive(
        st.none() | st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_any_policy_is_read_or_refused(conditions: Any) -> None:
    for text in (form(conditions), json.dumps(conditions), json.dumps({"url": conditions, "fields": conditions})):
        with contextlib.suppress(UsageFailure):
            read(text)


def test_a_store_on_this_machine_needs_no_tls() -> None:
    for url in ("http://127.0.0.1:8333/bucket", "http://localhost:8333/bucket", "http://[::1]:8333/bucket"):
        assert read(form(url=url)).url == url


def test_nothing_of_it_stands_in_its_representation() -> None:
    shown = repr(read(form()))
    assert SECRET not in shown
    assert "amazonaws" not in shown
