"""A stored dump is read to its end marker, or only opened; the target has no part in it."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from dmrefresh.bucket.verified import from_json
from fixtures.parts.dumping import put_dump
from fixtures.parts.seaweedfs import ObjectStore
from fixtures.parts.secrets import Credentials, make_credentials
from fixtures.production.canaries import find
from tests.jobs.scene import Production, Scene
from tests.jobs.test_faults import cut_at_a_row, flipped, left_behind


@pytest.fixture
def bucket(production: Production, object_store: ObjectStore, credentials: Credentials, tmp_path: Path) -> Scene:
    """Production's dump as the newest of a stage; there is no target."""
    scene = Scene(tmp_path, object_store, credentials, "postgresql:///none", stage=f"t{uuid4().hex[:12]}")
    scene.put(production.ciphertext.read_bytes())
    return scene


def test_a_whole_dump_is_described_by_versions_tables_and_rows(bucket: Scene, production: Production) -> None:
    ended = bucket.check_dump("--latest")
    assert ended.code == 0, ended.output
    contents = ended.report["contents"]
    assert contents["tables"] == production.rows
    assert contents["rows"] == sum(production.rows.values())
    assert contents["bytes"] == production.text.stat().st_size
    assert contents["server_version"].split(".")[0] == "16"
    assert contents["left_out"]["DROP"] > 20
    assert "whole, read to its end marker" in ended.output
    assert f"{production.rows['users']:,}  users\n" in ended.output
    assert left_behind(bucket) == []


def test_the_newest_is_taken_unless_a_name_is_given(bucket: Scene, production: Production) -> None:
    older = put_dump(
        bucket.store, bucket.store.bucket, bucket.stage, datetime(2026, 1, 2, 3, 4, tzinfo=UTC), production.ciphertext
    )
    assert older not in bucket.check_dump("--quick").output
    named = bucket.check_dump(older, "--quick")
    assert named.code == 0
    assert older in named.output
    assert bucket.check_dump(older, "--latest").code == 2
    assert bucket.check_dump("production-202601020304.sql.gz.gpg").code == 10


def test_a_quick_check_sees_that_the_key_opens_it_and_no_more(bucket: Scene, production: Production) -> None:
    ended = bucket.check_dump("--quick")
    assert ended.code == 0, ended.output
    assert "the private key opens it" in ended.output
    assert ended.report["contents"] is None
    assert left_behind(bucket) == []
    bucket.put(flipped(production, 0.9))
    assert bucket.check_dump("--quick").code == 0
    assert bucket.check_dump().code == 13


def test_a_rotated_key_is_found_by_both(bucket: Scene, production: Production, tmp_path: Path) -> None:
    (tmp_path / "rotated").mkdir()
    rotated = replace(bucket, credentials=make_credentials(tmp_path / "rotated", bits=2048))
    for arguments in ((), ("--quick",)):
        ended = rotated.check_dump(*arguments)
        assert ended.code == 12, ended.output
        assert "not encrypted to this private key" in ended.output


@pytest.mark.parametrize("part", [0.001, 0.3, 0.99])
def test_damage_is_named_as_damage_whatever_the_text_looks_like(
    bucket: Scene, production: Production, part: float, tmp_path: Path
) -> None:
    bucket.put(flipped(production, part))
    ended = bucket.check_dump()
    assert ended.code == 13, ended.output
    assert "damaged" in ended.output
    assert "gpg" in ended.output
    assert ended.output.count("attempt 2 of 3, from a clean start") == 1
    assert "Nothing was changed." in ended.output
    written = tmp_path / "screen.txt"
    written.write_text(ended.output)
    assert find(written, production.canaries) == []


def test_a_dump_whose_text_is_cut_short_is_damaged_also_where_encryption_and_compression_are_whole(
    bucket: Scene, production: Production
) -> None:
    bucket.put(bucket.encrypt(cut_at_a_row(production)))
    assert bucket.check_dump().code == 13
    assert bucket.check_dump("--quick").code == 0


def test_what_a_refresh_would_refuse_is_refused(bucket: Scene, production: Production) -> None:
    text = production.text.read_bytes()
    bucket.put(
        bucket.encrypt(text.replace(b"\nCOPY public.users ", b"\nALTER SYSTEM SET fsync = off;\n\nCOPY public.users "))
    )
    ended = bucket.check_dump()
    assert ended.code == 17
    assert "ALTER SYSTEM" in ended.output


def test_a_dump_without_the_data_of_a_table_is_refused(bucket: Scene, production: Production) -> None:
    text = production.text.read_bytes()
    begin = text.index(b"\nCOPY public.users ")
    end = text.index(b"\n\\.\n", begin)
    bucket.put(bucket.encrypt(text[:begin] + text[end + 3 :]))
    ended = bucket.check_dump()
    assert ended.code == 17
    assert "no data, not even an empty table's, for users" in ended.output


def test_what_is_no_dump_but_opens_is_damage(bucket: Scene) -> None:
    bucket.put(bucket.encrypt(b"SELECT 1;\n", compress=False))
    for arguments in ((), ("--quick",)):
        ended = bucket.check_dump(*arguments)
        assert ended.code == 13
        assert "not gzip" in ended.output


def test_a_dump_that_others_made_is_noted_as_read_back_where_that_is_asked_for(
    bucket: Scene, production: Production
) -> None:
    """It comes from pg_dump | gzip | gpg --encrypt."""
    ended = bucket.check_dump("--record")
    assert ended.code == 0, ended.output
    note = ended.report["recorded"]
    assert f"noted in the bucket: {note}" in ended.output
    client = bucket.store.client(bucket.store.jobs)
    noted = from_json(client.get_object(Bucket=bucket.store.bucket, Key=note)["Body"].read())
    assert noted is not None
    assert noted.rows == production.rows
    assert noted.sha256 == hashlib.sha256(production.ciphertext.read_bytes()).hexdigest()
    assert bucket.check_dump("--quick", "--record").code == 2
