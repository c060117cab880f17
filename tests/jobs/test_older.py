"""Which dumps are older than a damaged one, and in which order they are taken in its place; in a real bucket."""

from __future__ import annotations

from itertools import islice
from typing import Any
from uuid import uuid4

import pytest

from dmrefresh.jobs.buckets import store_of
from dmrefresh.jobs.dumps.choosing import older
from dmrefresh.jobs.refresh.finding import of_a_bucket
from dmrefresh.settings.model import Settings, Target
from fixtures.parts.seaweedfs import ObjectStore
from fixtures.parts.secrets import Credentials
from sanitisers.ruleset.loading import parse_ruleset
from tests.jobs.scene import note_beside
from tests.jobs.small import RULES
from tests.jobs.test_choosing import CONTENT, DIGEST, Bucket, bucket

__all__ = ["bucket"]


def names(of: Bucket, than: str, **more: Any) -> list[str]:
    settings = of.settings(**more)
    return [one.dump.key for one in older(settings, store_of(settings), than)]


@pytest.mark.fault("R3")
def test_those_that_were_read_back_come_first_and_none_that_is_newer_or_empty(bucket: Bucket) -> None:
    read = [bucket.noted(hours) for hours in (30, 60)]
    unread = [bucket.put(hours) for hours in (20, 40)]
    bucket.put(50, b"")
    replaced = bucket.noted(35, sha256="0" * 64, size=1)
    bucket.put(1)
    damaged = bucket.noted(10)
    assert names(bucket, damaged) == [*read, unread[0], replaced, unread[1]]
    assert names(bucket, damaged, unverified="refuse") == read
    assert names(bucket, read[1]) == []
    assert names(bucket, "of-no-stage") == []


@pytest.mark.fault("R3")
def test_those_that_nobody_has_read_back_are_named_where_an_older_one_is_preferred_to_them(bucket: Bucket) -> None:
    bucket.put(1)
    damaged = bucket.put(10)
    newer = bucket.put(20)
    read = bucket.noted(30)
    bucket.put(40)
    found = list(older(bucket.settings(), store_of(bucket.settings()), damaged))
    said = f"{newer} is newer and was never read back; {read} is taken"
    assert [(one.dump.key, one.passed_over) for one in found[:2]] == [(read, (said,)), (newer, ())]


def test_what_is_noted_of_it_is_held_against_it_and_its_age_only_warns(bucket: Bucket) -> None:
    bucket.noted(200)
    damaged = bucket.put(10)
    (found,) = older(bucket.settings(), store_of(bucket.settings()), damaged)
    assert (found.dump.sha256, found.read_back, found.doubts.refusals) == (DIGEST, True, [])
    (warning,) = found.doubts.warnings
    assert "is 8 days old" in warning


def test_one_that_is_known_not_to_be_what_was_read_back_is_left_out(bucket: Bucket) -> None:
    changed = bucket.put(30, Metadata={"sha256": "0" * 64})
    note_beside(bucket.store, changed, CONTENT)
    damaged = bucket.put(10)
    assert names(bucket, damaged) == []


@pytest.mark.fault("R3")
def test_a_cleaned_dump_has_older_ones_too(
    object_store: ObjectStore, credentials: Credentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"digitalmarketplace-cleaned-{uuid4().hex[:12]}"
    object_store.make_bucket(name)
    client = object_store.client(object_store.admin)
    for hour in range(1, 9):
        body = b"" if hour == 5 else CONTENT
        client.put_object(Bucket=name, Key=f"cleaned-db-dump-20261122{hour:02}00.sql.gz", Body=body)
    client.put_object(Bucket=name, Key="cleaned-db-dump.sql.gz", Body=CONTENT)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", object_store.developers.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", object_store.developers.secret_key)
    settings = Settings.model_validate(
        {
            "targets": {"cleaned": {"s3": name, "endpoint_url": object_store.endpoint_url}},
            "keys": {"credentials_repo": credentials.repository},
        }
    )
    to = Target.model_validate({"url": "postgresql://nobody@127.0.0.1:9/nowhere"})
    newest = of_a_bucket(settings, parse_ruleset(RULES, "small.yaml"), None, "cleaned", to)
    taken = [one.dump.key for one in [newest, *islice(newest.older(), 4)]]
    assert taken == [f"cleaned-db-dump-20261122{hour:02}00.sql.gz" for hour in (8, 7, 6, 4, 3)]
    one = next(newest.older())
    assert one.again().dump == one.dump
    assert next(one.older()).dump.key == taken[2]
