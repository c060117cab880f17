from __future__ import annotations

import pytest

from dmrefresh.bucket.verified import Verified, as_json, from_json

NOTED = Verified("production-202611220300.sql.gz.gpg", 12, "ab" * 32, "v1", {'a "b"': 3}, "0.1.0", "2026-11-22", True)


def test_what_is_noted_is_read() -> None:
    assert from_json(as_json(NOTED)) == NOTED


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff",
        b"{" * 99_999,
        as_json(NOTED).replace(b'"dmrefresh": 1', b'"dmrefresh": 2'),
        as_json(NOTED).replace(b'"size": 12', b'"size": "12"'),
        as_json(NOTED).replace(b'"rows": {', b'"rows": [], "row": {'),
        as_json(NOTED).replace(b'"sha256"', b'"sha512"'),
        b'{"dmrefresh": 1, "name": "x", "size": 1, "sha256": null, "version_id": null}',
    ],
)
def test_what_is_no_such_note_is_none(text: bytes) -> None:
    assert from_json(text) is None
